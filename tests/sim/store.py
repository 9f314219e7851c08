"""A real store, whose word is compared with what was committed."""

from __future__ import annotations

from collections.abc import Mapping

from ringback.jobs.model import Job
from ringback.storage.sqlite import SqliteStore
from ringback.storage.stores.control import SqlControl
from ringback.storage.stores.jobs import SqlJobs
from ringback.storage.stores.outbox import SqlOutbox
from ringback.storage.transactions.deliveries import begin_round
from ringback.webhooks.claim_rooms import WorkspaceRooms
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending, RecordOutcome
from ringback.webhooks.schedule import JITTER
from tests.sim.disk import SimCommits
from tests.sim.ledger import Ledger


class Watched(SqlJobs, SqlOutbox, SqlControl):
    """Over a store: tells the ledger what that says to the code above it."""

    watcher: Ledger

    async def catch_up(self) -> None:
        """Let the ledger read what was committed, where it is not told at the commit."""

    @property
    def not_before_ms(self) -> dict[tuple[str, int], int]:
        """Until when receivers asked not to be called, by delivery and epoch of the attempt."""
        return self.__dict__.setdefault("_not_before_ms", {})  # type: ignore[no-any-return]

    async def end_job(self, ending: Ending) -> bool:
        """End a job; the ledger is told who says so."""
        ended = await super().end_job(ending)
        await self.catch_up()
        if ended:
            after = ending.after
            self._claim(f"job {after.status}", after.job_id, ending.before.epoch)
        return ended

    async def requeue_job(self, job: Job) -> bool:
        """Give a job back; the ledger is told who says so."""
        given = await super().requeue_job(job)
        await self.catch_up()
        if given:
            self._claim(f"job {job.status}", job.job_id, job.epoch)
        return given

    async def move_times(self, by_ms: int, *, now_ms: int) -> None:
        """Move times; the ledger is told, as nothing else changes what stays in the same hands."""
        self.watcher.begin_to_move(by_ms)
        await super().move_times(by_ms, now_ms=now_ms)
        await self.catch_up()
        self.watcher.is_moving = False

    async def claim_due(
        self,
        *,
        now_ms: int,
        limit: int,
        limit_each: int,
        lease_until_ms: int,
        rooms: Mapping[int, int] | None = None,
        interim_rooms: Mapping[int, int] | None = None,
        workspaces: WorkspaceRooms | None = None,
        listener: Endpoint | None = None,
    ) -> list[Delivery]:
        """Take deliveries that are due; the ledger is told of any that is not."""
        claimed = await super().claim_due(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit_each,
            lease_until_ms=lease_until_ms,
            rooms=rooms,
            interim_rooms=interim_rooms,
            workspaces=workspaces,
            listener=listener,
        )
        if len(claimed) > limit:
            self.watcher.fail(f"{len(claimed)} deliveries were claimed, not {limit}")
        for delivery in claimed:
            due_ms = delivery.next_attempt_at_ms
            if due_ms is None or due_ms > now_ms or delivery.status is not DeliveryStatus.WAITING:
                self.watcher.fail(f"delivery {delivery.delivery_id} was claimed before its time")
        return claimed

    async def record_attempt(self, recording: AttemptRecord) -> RecordOutcome:
        """Write an attempt; the ledger is told who says so, and what the receiver asked for."""
        delivery = recording.delivery
        self._check_delay(recording)
        recorded = await super().record_attempt(recording)
        await self.catch_up()
        until_ms = self.not_before_ms.get((delivery.delivery_id, delivery.epoch))
        if recorded.written:
            self._claim("attempt", delivery.delivery_id, delivery.epoch)
            if until_ms is not None:
                self.watcher.put_off(
                    delivery.delivery_id, delivery.epoch + 1, not_before_ms=until_ms
                )
        else:
            self.watcher.seen["stale attempt refused"] += 1
        return recorded

    def _check_delay(self, recording: AttemptRecord) -> None:
        delivery = recording.delivery
        if delivery.next_attempt_at_ms is None:
            return
        delay_ms = delivery.next_attempt_at_ms - recording.now_ms
        least_s = self.watcher.schedule_s[delivery.round_attempts_count] * (1 - JITTER)
        if delay_ms < least_s * 1000 - 1:
            self.watcher.fail(f"delivery {delivery.delivery_id} is to be tried again too soon")

    def _claim(self, what: str, id_: str, epoch: int) -> None:
        self.watcher.claims_to_have_written(what, id_, epoch)


class SimStore(Watched, SqliteStore):
    """The simulated machine's store."""

    def watch(self, ledger: Ledger) -> None:
        """Have the ledger told; and sync nothing, as no power fails here."""
        self.watcher = ledger
        self._connection.pragma("synchronous", "off")

    @property
    def commits(self) -> SimCommits:
        """Return what commits for it."""
        assert isinstance(self._commits, SimCommits)
        return self._commits

    def vanish(self) -> None:
        """Let go of the files as a killed process does: what is not committed is not there."""
        for connection in (self._scanner, self._reader, self._connection):
            connection.close()

    async def redeliver(self, delivery: Delivery, *, now_ms: int) -> bool:
        """Begin another round, due at once."""
        return bool(await self._writer.call(begin_round, (delivery, now_ms)))
