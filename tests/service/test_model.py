"""Any order of events on each real store keeps the invariants after every one of them.

The simulation's ledger reads every change that each store commits, and checks it as it does there.

Holders that lost their lease go on writing here, as they do in life. A write succeeds just when
the writer's epoch is the stored one, and changes nothing otherwise.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ringback.egress.answer import Answer, Reason, Timings
from ringback.errors import BacklogFull, BudgetSpent, IdempotencyConflict, LeaseLost
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.budget import Budget, Period, UsageQuery
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.transitions import JobEvent
from ringback.maintenance.pruner import Pruner
from ringback.maintenance.rescuer import Rescuer
from ringback.service import DEATHS_MAX, JobService
from ringback.service.clock_watch import ClockWatch
from ringback.service.secrets import SigningKeyService
from ringback.storage.postgres import PostgresStore
from ringback.storage.retention import Kept, Retention
from ringback.storage.sqlite import IdFactory, SqliteStore
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.delivery.recording import delivery_after, record_of
from ringback.webhooks.delivery.signed_attempt import AttemptResult
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.events import TERMINAL_EVENTS
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord
from ringback.webhooks.outcome import is_gone, is_healthy
from ringback.webhooks.schedule import SCHEDULE_S
from tests.builders import PlainSeals, a_request, open_workspaces
from tests.postgres import Databases
from tests.raw import Rows, raw
from tests.sim.audit import (
    Row,
    changes_after,
    changes_taken,
    commits_of,
    postgres_audit,
    sqlite_audit,
)
from tests.sim.ledger import Ledger
from tests.sim.process import NoArtifacts
from tests.sim.store import Watched

T = TypeVar("T")

WEBHOOK_URLS = ("https://one.example/hook", "https://two.example/hook", None)
TOKEN = "0123456789ab"
BUDGET = 12.0
LEASE_S = 15.0
CLAIMED_MS = 40_000
RETRY_AFTER_MS = 3_600_000
EXAMPLES = int(os.environ.get("EXAMPLES", "4"))  # each statement crosses a network there
TIMES = Timings(total_ms=1.0)
ANSWERS = {
    "2xx": Answer(status_code=204, timings=TIMES),
    "4xx": Answer(status_code=404, reason=Reason.STATUS, timings=TIMES),
    "5xx": Answer(status_code=503, reason=Reason.STATUS, timings=TIMES),
    "later": Answer(
        status_code=429,
        reason=Reason.STATUS,
        headers=((b"retry-after", str(RETRY_AFTER_MS // 1000).encode()),),
        timings=TIMES,
    ),
    "gone": Answer(status_code=410, reason=Reason.STATUS, timings=TIMES),
    "timeout": Answer(reason=Reason.TIMEOUT, timings=TIMES),
}
pick = st.integers(0, 10**6)


class _Caught(Watched):
    """A store whose commits the ledger reads on request."""

    read_changes: Callable[[str], Sequence[Row]]

    async def catch_up(self) -> None:
        """Let the ledger read the commits."""
        for commit in commits_of(self.read_changes(changes_after(self.watcher.changes_count))):
            self.watcher.follow(commit)


class CaughtSqlite(_Caught, SqliteStore):
    """On SQLite, where all commits since the last read are checked as one."""


class CaughtPostgres(_Caught, PostgresStore):
    """On PostgreSQL, transaction by transaction."""


class Life(RuleBasedStateMachine):
    """One server's life with its workers, its receivers and its operator."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.cleanup = ExitStack()
        self.clock = FakeClock()
        self.rng = Random(1)
        self.ids = Ids(self.clock.now_ms, Random(2).getrandbits)
        self.wakeups = Wakeups()
        self.known: list[str] = []  # jobs that were accepted
        self.holders: list[Job] = []  # claims of jobs, lost ones too
        self.carriers: list[Delivery] = []  # claims of deliveries, lost ones too
        self.seen_jobs: dict[str, Job] = {}
        self.seen_deliveries: dict[str, Delivery] = {}
        self.begun_again: set[str] = set()  # deliveries that a person asked for again
        self.forgotten: set[str] = set()  # jobs that retention took
        self.has_forgotten = False
        self.is_forgetting = False
        self.latest_ms = 0
        self.ledger = Ledger(self, schedule_s=SCHEDULE_S[:4], lease_ms=CLAIMED_MS)
        self.ledger.may_forget = self._may_forget
        self.run(self._open())

    def run(self, work: Awaitable[T]) -> T:
        async def it() -> T:
            return await work

        return self.loop.run(it())

    async def _steps_of(self, pruner: Pruner) -> None:
        """Prune; the pauses between its steps pass as soon as it makes them."""
        pruning = asyncio.create_task(pruner.run_once())
        while not pruning.done():
            if self.clock.sleepers_count:
                self.clock.advance(0.01)
            await asyncio.wait([pruning], timeout=0.005)
        await pruning

    def raw(self, statement: str) -> Rows:
        return self.run(raw(self.store, statement))

    async def _open(self) -> None:
        id_factory = IdFactory(new_id=self.ids.uuid7, operator_url="https://operator.example/hook")
        self.store = await self.open_store(id_factory)
        self.store.watcher = self.ledger
        await open_workspaces(self.store, "studio")
        budget = Budget(
            workspace_id="studio", token_id=TOKEN, compute_units=BUDGET, period=Period.TOTAL
        )
        # It is set anew at each restart, and keeps the units that were spent.
        assert await self.store.put_budget(budget, now_ms=self.clock.now_ms())
        limits = Limits(active_max=3, backlog_max=4)
        self.service = JobService(
            self.store, clock=self.clock, ids=self.ids, limits=limits, wakeups=self.wakeups
        )
        self.keys = SigningKeyService(self.store, PlainSeals(), clock=self.clock, ids=self.ids)
        self.rescuer = Rescuer(self.service, self.store, clock=self.clock, wakeups=self.wakeups)
        self.clock_watch = ClockWatch(self.store, clock=self.clock)
        await self.rescuer.rescue_all()

    async def open_store(self, id_factory: IdFactory) -> CaughtSqlite | CaughtPostgres:
        """Open the store of this life, which is the same after a restart."""
        raise NotImplementedError

    def latest_wall_ms(self, since_s: float) -> int:
        """Return the latest that the clock has ever shown, for the ledger."""
        return max(self.latest_ms, self.clock.now_ms())

    def _may_forget(self, id_: str) -> bool:
        return self.is_forgetting and not {id_} & (self.ledger.pending | self.ledger.waiting).keys()

    def teardown(self) -> None:
        assert self.run(self.store.ledger()).faults == ()
        self.run(self.store.close())
        self.loop.close()
        self.cleanup.close()

    @property
    def spent(self) -> float:
        """The cost of all jobs that were seen to complete, pruned ones too."""
        completed = (job for job in self.seen_jobs.values() if job.status is JobStatus.COMPLETED)
        return sum(job.compute_units or 0.0 for job in completed)

    # events

    @rule(
        webhook_url=st.sampled_from(WEBHOOK_URLS),
        key=st.sampled_from([None, None, "a", "b"]),
        units=st.sampled_from([None, 0.0, 2.5, 8.0]),
    )
    def submit(self, webhook_url: str | None, key: str | None, units: float | None) -> None:
        request = a_request(
            webhook_url=webhook_url, idempotency_key=key, compute_units=units, token_id=TOKEN
        )
        try:
            accepted = self.run(self.service.submit(request))
        except (BacklogFull, IdempotencyConflict):
            return
        except BudgetSpent:
            assert units
            assert self.spent >= BUDGET
            return
        assert accepted.replayed or not units or self.spent < BUDGET
        assert accepted.replayed == (accepted.job.job_id in self.known)
        if not accepted.replayed:
            self.known.append(accepted.job.job_id)

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        claimed = self.run(
            self.service.claim(engine="null", limit=limit, worker_id="w", lease_s=LEASE_S)
        )
        self.holders += claimed

    @precondition(lambda self: self.holders)
    @rule(
        which=pick,
        what=st.sampled_from(["heartbeat", "progress", "complete", "fail", "die", "release"]),
    )
    def work(self, which: int, what: str) -> None:
        index = which % len(self.holders)
        job = self.holders[index]
        before = self.run(self.store.get_job(job.job_id))
        wins = before is not None and before.epoch == job.epoch
        try:
            match what:
                case "heartbeat":
                    self.run(self.service.heartbeat(job, lease_s=LEASE_S))
                case "progress":
                    events = [JobEvent.START] if job.status == "scheduled" else []
                    reported = self.service.report(
                        job, *events, JobEvent.SAMPLE, lease_s=LEASE_S, progress=0.5
                    )
                    self.holders[index] = self.run(reported)
                case "complete":
                    self.run(self.service.finish(job, result=JobResult(urls=("http://x/a.png",))))
                case "fail":
                    self.run(self.service.fail(job, error="no"))
                case "die":
                    self.run(self.service.count_death(job))
                    after = self.run(self.store.get_job(job.job_id))
                    assert after is not None
                    assert after.deaths == job.deaths + 1
                    assert after.status.is_terminal == (after.deaths == DEATHS_MAX)
                case "release":
                    self.run(self.service.release(job))
                    wins = True  # it says nothing of having won
        except LeaseLost:
            assert not wins
            assert self.run(self.store.get_job(job.job_id)) == before
        else:
            assert wins

    @precondition(lambda self: self.known)
    @rule(which=pick)
    def cancel(self, which: int) -> None:
        job_id = self.known[which % len(self.known)]
        assert self.run(self.service.cancel(job_id, workspace_id="studio")).status.is_terminal

    @rule(limit=st.integers(1, 5))
    def claim_deliveries(self, limit: int) -> None:
        now_ms = self.clock.now_ms()
        claimed = self.run(
            self.store.claim_due(
                now_ms=now_ms, limit=limit, limit_each=3, lease_until_ms=now_ms + CLAIMED_MS
            )
        )
        assert len(claimed) <= limit
        for delivery in claimed:
            assert delivery.status is DeliveryStatus.WAITING
            assert delivery.next_attempt_at_ms is not None
            assert delivery.next_attempt_at_ms <= now_ms
        self.carriers += claimed

    @precondition(lambda self: self.carriers)
    @rule(which=pick, answer=st.sampled_from(sorted(ANSWERS)))
    def deliver(self, which: int, answer: str) -> None:
        delivery = self.carriers.pop(which % len(self.carriers))
        before = self._delivery(delivery.delivery_id)
        attempts = self.run(self.store.attempts_of(delivery.delivery_id))
        if answer == "later":
            until_ms = self.clock.now_ms() + RETRY_AFTER_MS
            self.store.not_before_ms[delivery.delivery_id, delivery.epoch] = until_ms
        recorded = self.run(self.store.record_attempt(self._recording(delivery, ANSWERS[answer])))
        assert recorded.written == (before is not None and before.epoch == delivery.epoch)
        after = self.run(self.store.attempts_of(delivery.delivery_id))
        assert len(after) == len(attempts) + recorded.written
        if not recorded.written:
            assert self._delivery(delivery.delivery_id) == before

    def _recording(self, delivery: Delivery, answer: Answer) -> AttemptRecord:
        now_ms = self.clock.now_ms()
        attempted = AttemptResult(answer=answer, headers=[])
        return AttemptRecord(
            delivery=delivery_after(
                delivery, answer, now_ms=now_ms, schedule_s=SCHEDULE_S[:4], rng=self.rng
            ),
            attempt=record_of(delivery, attempted, started_at_ms=now_ms, ended_at_ms=now_ms),
            healthy=is_healthy(answer),
            gone=is_gone(answer),
            now_ms=now_ms,
            breaker=BreakerSettings(failures_max=3),
            failing=FailingSettings(),
        )

    @precondition(lambda self: self.carriers)
    @rule(which=pick)
    def give_back(self, which: int) -> None:
        delivery = self.carriers.pop(which % len(self.carriers))
        self.run(self.store.release_deliveries([delivery], now_ms=self.clock.now_ms()))

    @precondition(lambda self: self.seen_deliveries)
    @rule(which=pick)
    def redeliver(self, which: int) -> None:
        delivery = self._any_delivery(which)
        known = self.ledger.deliveries[delivery.delivery_id]
        known.rounds_asked += 1
        self.clock.advance(0.001)  # the ledger tells one round from another by when it began
        if self.run(self.store.redeliver(delivery, now_ms=self.clock.now_ms())):
            self.begun_again.add(delivery.delivery_id)
        else:
            known.rounds_asked -= 1

    @precondition(lambda self: self.seen_deliveries)
    @rule(which=pick)
    def cancel_delivery(self, which: int) -> None:
        delivery = self._any_delivery(which)
        now_ms = self.clock.now_ms()
        ended = self.store.end_delivery(delivery, DeliveryStatus.CANCELLED, now_ms=now_ms)
        was_waiting = delivery.status is DeliveryStatus.WAITING
        self.ledger.deliveries[delivery.delivery_id].cancels_asked += was_waiting
        assert self.run(ended) == was_waiting

    @rule()
    def rotate(self) -> None:
        self.run(self.keys.rotate("workspace:studio", overlap_s=60))
        assert self.run(self.keys.secrets_of("workspace:studio"))

    @rule(seconds=st.sampled_from([0.5, 6, 16, 41, 400, 4000, 90_000]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.run(self.rescuer.rescue(leases_until_ms=self.clock.now_ms()))

    @rule(seconds=st.sampled_from([-259_200, -7200, -30, -5, 5, 7200, 259_200]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.latest_ms = self.latest_wall_ms(0)
        self.clock._start_ms += seconds * 1000
        self.run(self.clock_watch.check())

    @precondition(lambda self: any(job.status.is_terminal for job in self.seen_jobs.values()))
    @rule(
        answers_days=st.sampled_from([0.01, 1.0]),
        attempts_days=st.sampled_from([0.02, 2.0]),
        days=st.sampled_from([0.03, 1.0, 3.0]),
        idle_days=st.sampled_from([0.0, 1.5]),
    )
    def forget(
        self, answers_days: float, attempts_days: float, days: float, idle_days: float
    ) -> None:
        self.clock.advance(idle_days * 86_400)
        kept = Retention(answers_days=answers_days, attempts_days=attempts_days, days=days)
        past_ms = kept.before_ms(Kept.JOBS, now_ms=self.clock.now_ms())
        pruner = Pruner(
            self.store,
            self.store,
            assets=self.store,
            artifacts=NoArtifacts(),
            retention=kept,
            clock=self.clock,
        )
        self.is_forgetting = True
        self.run(self._steps_of(pruner))
        self.run(self.store.catch_up())
        self.is_forgetting = False
        for job_id in self.known:
            before = self.seen_jobs[job_id]
            if self.run(self.store.get_job(job_id)) is None:
                assert before.completed_at_ms is not None
                assert max(before.created_at_ms, before.completed_at_ms) < past_ms
                self.forgotten.add(job_id)
        self.known = [job_id for job_id in self.known if job_id not in self.forgotten]
        for id_, delivery in list(self.seen_deliveries.items()):
            if self._delivery(id_) is None:
                assert delivery.ended_at_ms is not None
                assert delivery.ended_at_ms < past_ms
                assert self.run(self.store.attempts_of(id_)) == []
                del self.seen_deliveries[id_]
        self.has_forgotten = True

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.run(self._open())

    # invariants

    @invariant()
    def no_commit_broke_a_promise(self) -> None:
        self.run(self.store.catch_up())
        assert self.ledger.wrong == []
        assert self.ledger.jobs.keys() >= set(self.known)

    @invariant()
    def accepted_jobs_are_there_and_end_once(self) -> None:
        for job_id in self.known:
            job = self.run(self.store.get_job(job_id))
            assert job is not None
            before = self.seen_jobs.get(job_id)
            if before is not None:
                assert job.epoch >= before.epoch
                if before.status.is_terminal:
                    assert job == before
            self.seen_jobs[job_id] = job

    @invariant()
    def usage_is_what_the_completed_jobs_cost(self) -> None:
        completed = [one for one in self.seen_jobs.values() if one.status is JobStatus.COMPLETED]
        query = UsageQuery(
            workspace_id="studio",
            first_day=0,
            last_day=10**6,
            by_day=False,
            by_model=False,
            by_token=False,
            limit=10,
        )
        counted = self.run(self.store.usage(query))
        expected = [(len(completed), self.spent)] if completed else []
        assert [(one.jobs_count, one.compute_units) for one in counted] == expected
        (budget,) = self.run(self.store.budgets_of("studio"))
        assert budget.spent == self.spent

    @invariant()
    def every_end_owes_what_it_should(self) -> None:
        for job in self.seen_jobs.values():
            owed = [
                delivery
                for delivery in self.run(self.store.deliveries_of(job.job_id))
                if delivery.workspace_id == "studio"
            ]
            owes = job.status.is_terminal and job.webhook_url is not None
            # Beside a job that is there its delivery may be gone: it ended long ago.
            assert len(owed) in ({0, owes} if self.has_forgotten else {owes})
            for delivery in owed:
                self._check(delivery)

    def _check(self, delivery: Delivery) -> None:
        assert delivery.event in TERMINAL_EVENTS
        ended = delivery.status is not DeliveryStatus.WAITING
        assert ended == (delivery.next_attempt_at_ms is None)
        assert ended == (delivery.ended_at_ms is not None)
        before = self.seen_deliveries.get(delivery.delivery_id)
        if before is not None:
            assert delivery.body == before.body
            assert delivery.epoch >= before.epoch
            if before.status is not DeliveryStatus.WAITING and before != delivery:
                assert delivery.delivery_id in self.begun_again
        self.seen_deliveries[delivery.delivery_id] = delivery
        attempts = self.run(self.store.attempts_of(delivery.delivery_id))
        made = [*range(1, delivery.attempts_count + 1)]
        there = [one.number for one in attempts]
        assert there == (sorted(set(made) & set(there)) if self.has_forgotten else made)
        if delivery.status is DeliveryStatus.DELIVERED and delivery.attempts_count in there:
            assert attempts[-1].status_code == 204

    @invariant()
    def what_is_due_is_found(self) -> None:
        """No destination's due time is later than its earliest delivery without a holder."""
        for number, due_ms in self.raw(
            "select destination_id, min(next_attempt_at_ms) from deliveries "
            "where status = 'waiting' and lease_until_ms is null group by destination_id"
        ):
            ((known_ms,),) = self.raw(
                f"select next_due_at_ms from destinations where destination_id = {number}"  # noqa: S608
            )
            assert known_ms is not None
            assert known_ms <= due_ms

    @invariant()
    def the_books_balance(self) -> None:
        counts = self.run(self.store.counts())
        ((accepted, active, backlogged, pruned),) = self.raw(
            "select accepted_count, active_count, backlogged_count, jobs_pruned_count "
            "from workspaces where workspace_id = 'studio'"
        )
        assert pruned == len(self.forgotten)
        assert accepted == sum(counts.jobs.values()) + pruned
        assert sum(counts.jobs.values()) == len(self.known)
        assert backlogged == counts.jobs.get("backlogged", 0)
        ended = sum(counts.jobs.get(one, 0) for one in ("completed", "failed", "cancelled"))
        assert active == accepted - pruned - backlogged - ended
        ((owed, gone),) = self.raw(
            "select sum(owed_count), sum(deliveries_pruned_count) from workspaces"
        )
        assert owed == sum(counts.deliveries.values()) + gone

    def _delivery(self, delivery_id: str) -> Delivery | None:
        return self.run(self.store.get_delivery(delivery_id))

    def _any_delivery(self, which: int) -> Delivery:
        ids = sorted(self.seen_deliveries)
        delivery = self._delivery(ids[which % len(ids)])
        assert delivery is not None
        return delivery


class SqliteLife(Life):
    """A life on SQLite."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="ringback-model-")
        super().__init__()
        self.cleanup.enter_context(self.folder)

    async def open_store(self, id_factory: IdFactory) -> CaughtSqlite | CaughtPostgres:
        store = await CaughtSqlite.open(Path(self.folder.name), id_factory=id_factory)
        store._connection.execute("pragma synchronous = off")
        if not store._connection.execute("pragma table_info(audit)").fetchall():
            store._connection.execute(sqlite_audit())
        store.read_changes = lambda query: store._connection.execute(query).fetchall()
        return store


class PostgresLife(Life):
    """A life on PostgreSQL, in a database that is emptied for each."""

    databases: Databases

    def __init__(self) -> None:
        fresh = self.databases.fresh()
        self.dsn = fresh.__enter__()
        self.database = psycopg.connect(self.dsn, autocommit=True)
        self.database.execute(postgres_audit())
        super().__init__()
        self.cleanup.push(fresh.__exit__)
        self.cleanup.enter_context(self.database)

    async def open_store(self, id_factory: IdFactory) -> CaughtSqlite | CaughtPostgres:
        store = await CaughtPostgres.open(self.dsn, id_factory=id_factory)
        store.read_changes = lambda _: self.database.execute(changes_taken()).fetchall()
        return store


HEALTHY = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_life_on_sqlite() -> None:
    run_state_machine_as_test(
        SqliteLife,
        settings=settings(
            max_examples=5 * EXAMPLES, stateful_step_count=50, suppress_health_check=HEALTHY
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_life_on_postgresql(databases: Databases) -> None:
    PostgresLife.databases = databases
    run_state_machine_as_test(
        PostgresLife,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=HEALTHY
        ),
    )
