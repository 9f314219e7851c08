"""The ledger: follows every commit, and says at once when a promise is broken.

It knows nothing of the code under test but the rows that were committed (the audit's triggers tell)
and what that code claims of itself: what it acknowledged, what it says it wrote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import apsw
import msgspec

from ringback.webhooks.schedule import horizon_s
from tests.sim.audit import Row, changes_after
from tests.sim.books import (
    ENDS,
    INTERIM,
    NEW_HANDS,
    WAYS,
    BreakerSeen,
    CommitSeen,
    DeliverySeen,
    EndpointSeen,
    JobSeen,
)

_names = msgspec.json.Decoder(tuple[str, ...]).decode


class Violation(AssertionError):
    """A promise was broken."""


class Wall(Protocol):
    """What the wall clocks of those who write have shown."""

    def latest_wall_ms(self, since_s: float) -> int:
        """Return the latest that was shown from then until now."""


class Ledger:
    """What is committed, and what is wrong with it."""

    def __init__(self, time: Wall, *, schedule_s: tuple[float, ...], lease_ms: int) -> None:
        self._time = time
        self._lease_ms = lease_ms
        self.schedule_s = schedule_s
        self.changes_count = 0
        self._commit = CommitSeen()
        self._bodies: dict[int, str] = {}
        self._breakers: defaultdict[int, BreakerSeen] = defaultdict(BreakerSeen)
        self._endpoints: dict[str, EndpointSeen] = {}
        # By (id, epoch named): writes that no second writer may claim to have made.
        self._written: Counter[tuple[str, str, int]] = Counter()
        self._claims: set[tuple[str, int]] = set()
        self._attempted: Counter[tuple[str, int]] = Counter()
        self.jobs: dict[str, JobSeen] = {}
        self.deliveries: dict[str, DeliverySeen] = {}
        self.is_moving = False
        self.pending: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.may_forget: Callable[[str], bool] = lambda _: False  # a job or a delivery, by its id
        self.justified: Callable[[str, DeliverySeen, str], str | None] = lambda *_: None
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()  # what happened at all: a campaign must see it all
        self._readers: dict[str, Callable[[Row], None]] = {
            "job made": self._job_made,
            "job": self._job,
            "event": self._event,
            "delivery made": self._delivery_made,
            "delivery": self._delivery,
            "attempt": self._attempt,
            "endpoint": self._endpoint,
            "endpoint gone": self._endpoint_gone,
            "breaker": self._breaker,
            "gone": self._gone,
        }

    def fail(self, sentence: str) -> None:
        """Note that a promise is broken."""
        self.wrong.append(sentence)

    def committed(self, connection: apsw.Connection) -> None:
        """Read what a commit has changed."""
        rows: Sequence[Row] = connection.execute(changes_after(self.changes_count)).fetchall()
        if rows:
            self.follow(rows)

    def follow(self, commit: Iterable[Row]) -> None:
        """Judge the changes of one commit, in their order."""
        self._commit = CommitSeen()
        for seq, _, what, *row in commit:
            self.changes_count = max(self.changes_count, seq)
            self._readers[what](row)
        self._together(self._commit)

    # what the code under test says of itself

    def claims_to_have_written(self, what: str, id_: str, epoch: int) -> None:
        """Compare a write that was acknowledged with what was committed."""
        self._written[what, id_, epoch] -= 1
        if self._written[what, id_, epoch] < 0:
            self.fail(f"a stale write was accepted: {what} {id_} by the holder of epoch {epoch}")

    def begin_to_move(self, by_ms: int) -> None:
        """Take note that times which lie ahead are moved along with a clock that was set back."""
        self.is_moving = True
        for delivery in self.deliveries.values():
            if delivery.not_before_ms is not None:
                delivery.not_before_ms += by_ms

    def put_off(self, delivery_id: str, epoch: int, *, not_before_ms: int) -> None:
        """Note that a receiver asked for peace, and that this was recorded."""
        delivery = self.deliveries[delivery_id]
        if delivery.status == "waiting" and delivery.epoch == epoch:
            delivery.not_before_ms = not_before_ms

    def attempted(self, delivery_id: str, epoch: int) -> None:
        """Note that an attempt begins: one for each claim, which was judged as it was made."""
        self._attempted[delivery_id, epoch] += 1
        if self._attempted[delivery_id, epoch] > 1:
            self.fail(f"delivery {delivery_id} was attempted twice under one claim")
        if (delivery_id, epoch) not in self._claims:
            self.fail(f"delivery {delivery_id} was attempted without a claim")
        if self.deliveries[delivery_id].epoch != epoch:
            self.seen["attempt by a stale holder"] += 1

    # the promises that one row can break

    def _job_made(self, row: Row) -> None:
        id_, workspace_id, status, url, events, *_ = row
        if status not in ("queued", "backlogged"):
            self.fail(f"job {id_} begins as {status}")
        self.jobs[id_] = JobSeen(workspace_id, status, url, _names(events))
        self.pending[id_] = None

    def _job(self, row: Row) -> None:
        id_, old, new, old_epoch, new_epoch, *_ = row
        job = self.jobs[id_]
        if job.is_over:
            self.fail(f"job {id_} was {old} and is changed to {new}")
            return
        if (old, new) not in WAYS:
            self.fail(f"job {id_} went from {old} to {new}")
        changes_hands = old != new and new in NEW_HANDS
        if new_epoch != old_epoch + changes_hands:
            self.fail(f"job {id_} went from {old} to {new}, its epoch {old_epoch} to {new_epoch}")
        if changes_hands:
            self._written[f"job {new}", id_, old_epoch] += 1
            self.seen[f"job {new}"] += 1
        job.status = new
        if new in ("completed", "failed", "cancelled"):
            job.is_over = True
            del self.pending[id_]
            self._commit.ended[id_] = self._targets(f"job.{new}", job)

    def _targets(self, event: str, job: JobSeen) -> list[tuple[str | None, str]]:
        targets: list[tuple[str | None, str]] = [
            (id_, endpoint.url)
            for id_, endpoint in self._endpoints.items()
            if endpoint.workspace_id == job.workspace_id
            and not endpoint.is_off
            and event in endpoint.events
        ]
        if job.webhook_url is not None and event in (job.webhook_events or ENDS):
            targets.append((None, job.webhook_url))
        return targets

    def _event(self, row: Row) -> None:
        self._bodies[row[0]] = row[1]

    def _delivery_made(self, row: Row) -> None:
        id_, job_id, event, endpoint_id, url, event_seq, workspace_id, destination_id = row[:8]
        delivery = self.deliveries[id_] = DeliverySeen(
            job_id,
            event,
            endpoint_id,
            url,
            workspace_id,
            destination_id,
            self._bodies[event_seq],
            round_started_at_ms=row[8],
        )
        self.waiting[id_] = None
        self.seen[event] += 1
        if event in ENDS:
            self._commit.owed.setdefault(job_id, []).append(delivery.target)
        elif event in INTERIM and self.jobs[job_id].is_over:
            self.fail(f"{event} of job {job_id} was written after its end")

    def _delivery(self, row: Row) -> None:
        id_, old, new, old_epoch, new_epoch, before, after, old_lease, new_lease, round_ms = row[
            :10
        ]
        delivery = self.deliveries[id_]
        is_same = (old, old_epoch, before) == (new, new_epoch, after)
        if (
            self.is_moving
            and is_same
            and new == "waiting"
            and (old_lease is None) == (new_lease is None)
        ):
            return  # its times were moved along with the clock
        if new_epoch != old_epoch + 1:
            self.fail(f"delivery {id_} changed hands, its epoch {old_epoch} to {new_epoch}")
        delivery.epoch = new_epoch
        if new_lease is not None:
            self._claims.add((id_, new_epoch))
            self._claimed(id_, delivery, old, old_lease, new_lease - self._lease_ms)
        elif after != before:
            self._recorded(id_, delivery, old, new, after, old_epoch)
        elif new == "waiting" and (old != "waiting" or round_ms != delivery.round_started_at_ms):
            self._begun_again(id_, delivery, round_ms)
        elif old != "waiting":
            self.fail(f"delivery {id_} was {old} and is changed to {new}")
        elif new != "waiting":
            self._ended(id_, delivery, new, by_attempt=False)

    def _claimed(
        self, id_: str, delivery: DeliverySeen, status: str, lease: int | None, now_ms: int
    ) -> None:
        if status != "waiting" or lease is not None:
            self.fail(f"delivery {id_} was claimed while it was {status} until {lease}")
        if delivery.not_before_ms is not None:
            self.seen["retry-after"] += 1
            if now_ms < delivery.not_before_ms:
                self.fail(f"delivery {id_} was claimed before its receiver's Retry-After")
        breaker = self._breakers[delivery.destination_id]
        number = delivery.destination_id
        if breaker.open_until_ms is None:
            return
        # Its breaker is written after the claim, and says what a flight may be before.
        count, most = self._commit.claimed.get(number, (0, breaker.most))
        self._commit.claimed[number] = (count + 1, most)
        if count + 1 > most:
            self.fail(f"a paused destination was handed {count + 1} deliveries, not {most}")
        if breaker.open_until_ms > now_ms:
            self.fail(f"delivery {id_} was claimed while its destination was paused")

    def _recorded(
        self, id_: str, delivery: DeliverySeen, old: str, new: str, after: int, epoch: int
    ) -> None:
        if old != "waiting" or after != delivery.attempts_count + 1:
            self.fail(f"attempt {after} of delivery {id_}, {old}, was written after others")
        self._written["attempt", id_, epoch] += 1
        self._commit.recorded[id_] = after
        delivery.attempts_count = after
        delivery.round_attempts_count += 1
        delivery.not_before_ms = None
        if new != "waiting":
            self._ended(id_, delivery, new, by_attempt=True)

    def _begun_again(self, id_: str, delivery: DeliverySeen, round_ms: int) -> None:
        delivery.rounds_asked -= 1
        if delivery.rounds_asked < 0:
            self.fail(f"delivery {id_} began another round that nobody asked for")
        delivery.status = "waiting"
        delivery.round_attempts_count = 0
        delivery.round_started_at_ms = round_ms
        delivery.not_before_ms = None
        self.waiting[id_] = None
        self.seen["redelivered"] += 1

    def _ended(self, id_: str, delivery: DeliverySeen, status: str, *, by_attempt: bool) -> None:
        delivery.status = status
        self.waiting.pop(id_, None)
        self.seen[status] += 1
        if (why := self._unjust(id_, delivery, status, by_attempt=by_attempt)) is not None:
            self.fail(f"delivery {id_} of {delivery.event} is {status}, but {why}")

    def _unjust(
        self, id_: str, delivery: DeliverySeen, status: str, *, by_attempt: bool
    ) -> str | None:
        if status == "exhausted":
            waited_ms = self._time.latest_wall_ms(0) - delivery.round_started_at_ms
            whole = delivery.round_attempts_count == len(self.schedule_s)
            late = waited_ms > 1000 * horizon_s(self.schedule_s)
            return None if whole or late else "its schedule is not over"
        if status == "cancelled":
            delivery.cancels_asked -= 1
            overtaken = delivery.event in INTERIM and self.jobs[delivery.job_id].is_over
            replaced = delivery.event == "job.progress"  # by newer progress
            cancelled = delivery.cancels_asked >= 0
            return None if overtaken or replaced or cancelled else "nobody asked for it"
        if status == "discarded" and not by_attempt:
            endpoint = self._endpoints.get(delivery.endpoint_id or "")
            was_off = endpoint is not None and endpoint.was_ever_off
            return None if was_off else "it has somebody to go to"
        return self.justified(id_, delivery, status)

    def _attempt(self, row: Row) -> None:
        self._commit.attempts[row[0]] = row[1]

    def _endpoint(self, row: Row) -> None:
        id_, workspace_id, events, disabled_at_ms, url, *_ = row
        before = self._endpoints.get(id_)
        is_off = disabled_at_ms is not None
        was_off = before is not None and before.was_ever_off
        self._endpoints[id_] = EndpointSeen(
            workspace_id, _names(events), url, is_off, was_ever_off=is_off or was_off
        )

    def _endpoint_gone(self, row: Row) -> None:
        endpoint = self._endpoints[row[0]]
        endpoint.is_off = endpoint.was_ever_off = True

    def _breaker(self, row: Row) -> None:
        number, open_until_ms, flight, flying, *_ = row
        before = self._breakers[number]
        if before.open_until_ms is None and open_until_ms is not None:
            self.seen["breaker opened"] += 1
        elif before.open_until_ms is not None and open_until_ms is None:
            self.seen["breaker closed"] += 1
        self._breakers[number] = BreakerSeen(open_until_ms, flight, flying)

    def _gone(self, row: Row) -> None:
        if not self.may_forget(row[0]):
            self.fail(f"{row[0]} was deleted, and is not past retention")

    # the promises that one commit can break

    def _together(self, commit: CommitSeen) -> None:
        for job_id, targets in commit.ended.items():
            owed = commit.owed.pop(job_id, [])
            if Counter(owed) != Counter(targets):
                self.fail(
                    f"job {job_id} ended, and {len(owed)} of {len(targets)} webhooks are owed"
                )
        for job_id in commit.owed:
            self.fail(f"a delivery of the end of job {job_id} was written apart from it")
        if commit.attempts != commit.recorded:
            self.fail(f"attempts {commit.attempts} were written, deliveries {commit.recorded}")

    def is_over(self, job_id: str) -> bool:
        """Say whether a job's end is committed."""
        return self.jobs[job_id].is_over
