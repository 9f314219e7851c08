"""What one job costs each engine of state, in processor time and bytes: see docs/scale.md.

Processor time and not time on the wall, so that a busy machine tells the same: of this process, and
of PostgreSQL's processes together. A job is accepted, claimed, ended with one webhook owed, its
delivery claimed and its attempt recorded; HTTP is not in it.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import uvloop
from msgspec.structs import replace

from bench.beside import a_database, a_server
from bench.machine import describe, median, say
from bench.meters import postmaster_of, server_s
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import JobResult
from ringback.service import GenerationRequest, JobService
from ringback.signing.rotation import SigningKey
from ringback.storage.contract import Store, Workspace
from ringback.storage.postgres import PostgresStore
from ringback.storage.sqlite import SqliteStore
from ringback.wakeups import Wakeups
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord

JOBS = 4_000
AT_ONCE = 200
RUNS = 3
WORKSPACES = 20
_RESULT = JobResult(urls=("http://x/a",))
ROOMY = Limits(active_max=10**9, backlog_max=10**9)

Meter = Callable[[], float]
"""Returns processor seconds so far."""


async def in_groups(count: int, act: Callable[[int], Awaitable[object]]) -> None:
    """Do something so many times, some at once."""
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(act(n) for n in range(first, min(count, first + AT_ONCE))))


class Course:
    """The stages of many jobs on one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        ids = Ids(store.clock.now_ms, Random(1).getrandbits)
        self._service = JobService(
            store, clock=store.clock, ids=ids, limits=ROOMY, wakeups=Wakeups()
        )

    async def prepare(self) -> None:
        """Make the workspaces."""
        for number in range(WORKSPACES):
            workspace = Workspace(workspace_id=f"w{number}", created_at_ms=1)
            key = SigningKey(key_id=f"k{number}", kind="v1", sealed="whsec_AAAA", created_at_ms=1)
            await self._store.open_workspace(workspace, key)

    async def accept(self) -> None:
        """Submit every job."""

        async def one(number: int) -> None:
            await self._service.submit(
                GenerationRequest(
                    workspace_id=f"w{number % WORKSPACES}",
                    kind="image",
                    model="ringback/null",
                    type="null",
                    engine="null",
                    input={"prompt": "a serene mountain landscape at sunset"},
                    base_url="http://127.0.0.1:7464",
                    webhook_url="https://shop.example/webhook",
                )
            )

        await in_groups(JOBS, one)

    async def work(self) -> None:
        """Claim every job and end it."""
        while jobs := await self._service.claim(
            engine="null", limit=AT_ONCE, worker_id="w", lease_s=600
        ):
            await asyncio.gather(
                *(self._service.finish(job, result=JobResult(urls=("http://x/a",))) for job in jobs)
            )

    async def deliver(self) -> None:
        """Claim every delivery and record its attempt."""
        done = 0
        while done < JOBS:
            now_ms = self._store.clock.now_ms()
            claimed = await self._store.claim_due(
                now_ms=now_ms + 60_000,
                limit=AT_ONCE,
                limit_each=AT_ONCE,
                lease_until_ms=now_ms + 600_000,
                rooms={},
                interim_rooms={},
            )
            await asyncio.gather(*(self._record(one, now_ms) for one in claimed))
            done += len(claimed)

    async def _record(self, delivery: Delivery, now_ms: int) -> None:
        after = replace(
            delivery,
            status=DeliveryStatus.DELIVERED,
            attempts_count=1,
            round_attempts_count=1,
            next_attempt_at_ms=None,
            ended_at_ms=now_ms,
        )
        attempt = Attempt(
            number=1,
            started_at_ms=now_ms,
            duration_ms=12,
            address="203.0.113.7:443",
            status_code=204,
            response=b"",
        )
        await self._store.record_attempt(
            AttemptRecord(
                delivery=after,
                attempt=attempt,
                healthy=True,
                now_ms=now_ms,
                breaker=BreakerSettings(),
                failing=FailingSettings(),
            )
        )


def own_s() -> float:
    """Return the processor seconds of this process, its threads included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(store: Store, meters: dict[str, Meter]) -> dict[str, dict[str, float]]:
    """Return microseconds per job, by stage and meter."""
    course = Course(store)
    await course.prepare()
    found: dict[str, dict[str, float]] = {}
    for name, stage in (
        ("accept", course.accept),
        ("work", course.work),
        ("deliver", course.deliver),
    ):
        before = {meter: read() for meter, read in meters.items()}
        await stage()
        found[name] = {
            meter: (read() - before[meter]) * 1e6 / JOBS for meter, read in meters.items()
        }
    assert (await store.ledger()).balances
    return found


@contextmanager
def sqlite_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ringback-cost-") as directory:
        yield Path(directory)


async def on_sqlite() -> tuple[dict[str, dict[str, float]], float]:
    with sqlite_directory() as directory:
        store = await SqliteStore.open(directory / "data")
        found = await measured(store, {"Python": own_s})
        await store.close()
        return found, (directory / "data/ringback.db").stat().st_size / JOBS


async def on_postgres(server: str) -> tuple[dict[str, dict[str, float]], float, float]:
    with a_database(server) as dsn, psycopg.connect(dsn, autocommit=True) as admin:
        postmaster = postmaster_of(admin)
        store = await PostgresStore.open(dsn)
        wal_before = float(_value(admin, "select pg_current_wal_insert_lsn() - '0/0'"))
        meters: dict[str, Meter] = {"Python": own_s, "PostgreSQL": lambda: server_s(postmaster)}
        found = await measured(store, meters)
        wal = float(_value(admin, "select pg_current_wal_insert_lsn() - '0/0'")) - wal_before
        await store.close()
        kept = float(_value(admin, "select pg_database_size(current_database())"))
        with psycopg.connect(server, autocommit=True) as other:
            empty = float(_value(other, "select pg_database_size('template1')"))
        return found, wal / JOBS, (kept - empty) / JOBS


def _value(connection: psycopg.Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return str(row[0])


def main() -> None:
    """Measure and print."""
    print(describe())
    sqlite = [uvloop.run(on_sqlite()) for _ in range(RUNS)]
    for stage in sqlite[0][0]:
        us = median([found[stage]["Python"] for found, _ in sqlite])
        say(f"SQLite, {stage}: processor time per job", f"{us:.0f} us")
    say("SQLite: kept per job", f"{median([size for _, size in sqlite]):,.0f} bytes")
    with a_server() as server:
        runs = [uvloop.run(on_postgres(server)) for _ in range(RUNS)]
    for stage in runs[0][0]:
        for meter in runs[0][0][stage]:
            us = median([found[stage][meter] for found, _, _ in runs])
            say(f"PostgreSQL, {stage}: processor time per job of {meter}", f"{us:.0f} us")
    say("PostgreSQL: log written per job", f"{median([wal for _, wal, _ in runs]):,.0f} bytes")
    say("PostgreSQL: kept per job", f"{median([kept for _, _, kept in runs]):,.0f} bytes")


if __name__ == "__main__":
    main()
