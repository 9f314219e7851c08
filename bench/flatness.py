"""What a claim costs in PostgreSQL behind much history, and among much that is due.

``python -m bench.flatness --long`` measures claims behind 10,000,000 jobs of history, each with its
event and its delivery, and among 1,000,000 due ones; without it, behind 200,000 and among 50,000.
Two databases of one server are measured in turns, so that the other load of the machine meets
both alike. The tables are filled by the server itself, and get their indexes afterwards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
import uvloop

from bench.beside import a_database, a_server, roomy
from bench.machine import LOAD_CORE, describe, note, percentile, pin, say
from ringback.clock import SystemClock
from ringback.ids import uuid7_floor
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.partitions import WEEK_MS, partition_of

CLAIMS = 300
BATCH = 8
LEVELS = {False: (200_000, 50_000), True: (10_000_000, 1_000_000)}
FEW_HISTORY = 1_000
FEW_DUE = BATCH * CLAIMS * 2
_STEP = 1_000_000

# An id of that time, as UUIDv7 has it, with the number for its random part; a hundred workspaces,
# four destinations each.
_ID = "'{h8}-{h4}-7000-8000-' || lpad(to_hex(n), 12, '0')"
_HISTORY = {
    "jobs": (
        "job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url, status, "
        "webhook_url, completed_at_ms, result",
        "{id}, 'w' || n % 100, 'image', 'm', 'null', 'null', '{{}}', {at}, 'http://x', "
        "'completed', 'http://shop.example/hook', {at}, '{{\"urls\":[]}}'",
    ),
    "events": (
        "event_id, workspace_id, job_id, type, engine, model, created_at_ms, body",
        "{id}, 'w' || n % 100, {id}, 'job.completed', 'null', 'm', {at}, '{{}}'",
    ),
    "deliveries": (
        "delivery_id, workspace_id, job_id, event, event_seq, event_id, url, destination, "
        "destination_id, created_at_ms, status, ended_at_ms",
        "{id}, 'w' || n % 100, {id}, 'job.completed', n, {id}, 'http://shop.example/hook', "
        "'http://shop.example:80', 1 + n % 400, {at}, 'delivered', {at}",
    ),
}
_DUE = {
    "jobs": (
        "job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url, status",
        "{id}, 'w' || n % 100, 'image', 'm', 'null', 'due', '{{}}', {at}, 'http://x', 'queued'",
    ),
    "events": _HISTORY["events"],
    "deliveries": (
        "delivery_id, workspace_id, job_id, event, event_seq, event_id, url, destination, "
        "destination_id, created_at_ms, status, next_attempt_at_ms",
        "{id}, 'w' || n % 100, {id}, 'job.completed', n, {id}, 'http://shop.example/hook', "
        "'http://shop.example:80', 1 + n % 400, {at}, 'waiting', {at} + n",
    ),
}
_DESTINATIONS = """
insert into workspaces (workspace_id, created_at_ms) select 'w' || n, 1
  from generate_series(0, 99) n;
insert into destinations (workspace_id, origin, next_due_at_ms)
select 'w' || n % 100, 'http://shop' || n || '.example:80', {at} from generate_series(1, 400) n;
"""


def fill(
    database: psycopg.Connection, rows: Mapping[str, tuple[str, str]], *, count: int, at_ms: int
) -> None:
    """Make the week of that time anew, with so many rows in each of its tables."""
    week, hexadecimal = at_ms // WEEK_MS, f"{at_ms:012x}"
    id_ = _ID.format(h8=hexadecimal[:8], h4=hexadecimal[8:])
    first, end = uuid7_floor(week * WEEK_MS), uuid7_floor((week + 1) * WEEK_MS)
    bounds = f"for values from ('{first}') to ('{end}')"
    for table, (columns, values) in rows.items():
        name, started = partition_of(table, week), time.perf_counter()
        _run(database, f"drop table if exists {name}")
        _run(database, f"create table {name} (like {table} including defaults)")
        selected = values.format(id=id_, at=at_ms)
        for start in range(1, count + 1, _STEP):
            last = min(start + _STEP - 1, count)
            series = f"generate_series({start}, {last}) n"
            _run(database, f"insert into {name} ({columns}) select {selected} from {series}")  # noqa: S608 - our own
            if count > _STEP:
                note(f"  {name}: {last:,} rows after {time.perf_counter() - started:.0f} s")
        # Which makes every index that the table has.
        _run(database, f"alter table {table} attach partition {name} {bounds}")
        _run(database, f"vacuum (freeze, analyze) {name}")
        if count >= _STEP:
            note(f"  {name}: indexed after {time.perf_counter() - started:.0f} s")


def _run(database: psycopg.Connection, statement: str) -> None:
    database.execute(statement.encode())


@contextmanager
def a_filled_database(server: str, name: str, *, history: int, due: int) -> Iterator[str]:
    """Make a database with that much history, and that much due; gives its DSN."""
    with a_database(server, name=f"ringback_bench_{name}") as dsn:
        uvloop.run(_prepare(dsn))
        with psycopg.connect(dsn, autocommit=True) as database:
            _run(database, "set synchronous_commit = off")
            _run(database, "set maintenance_work_mem = '512MB'")
            _run(database, "set max_parallel_maintenance_workers = 0")
            now_ms = SystemClock().now_ms()
            _run(database, _DESTINATIONS.format(at=now_ms))
            fill(database, _HISTORY, count=history, at_ms=now_ms - WEEK_MS)
            fill(database, _DUE, count=due, at_ms=now_ms)
            _run(database, "vacuum analyze")
            _run(database, "checkpoint")
        yield dsn


async def _prepare(dsn: str) -> None:
    await (await PostgresStore.open(dsn)).close()


class Claims:
    """Claims on one store, and how long each took in ms."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.jobs_ms: list[float] = []
        self.deliveries_ms: list[float] = []

    async def make(self) -> None:
        """Claim a few jobs and a few deliveries."""
        now_ms = self._store.clock.now_ms()
        started = time.perf_counter()
        jobs = await self._store.claim_jobs(
            engine="due", limit=BATCH, worker_id="w", lease_until_ms=now_ms + 3_600_000
        )
        between = time.perf_counter()
        due_ms = now_ms + WEEK_MS
        deliveries = await self._store.claim_due(
            now_ms=due_ms, limit=BATCH, limit_each=BATCH, lease_until_ms=due_ms + 3_600_000
        )
        self.jobs_ms.append((between - started) * 1000)
        self.deliveries_ms.append((time.perf_counter() - between) * 1000)
        assert len(jobs) == len(deliveries) == BATCH


async def _in_turns(few_dsn: str, many_dsn: str) -> tuple[Claims, Claims]:
    stores = [await PostgresStore.open(dsn) for dsn in (few_dsn, many_dsn)]
    few, many = (Claims(store) for store in stores)
    for _ in range(CLAIMS):
        await few.make()
        await many.make()
    for store in stores:
        await store.close()
    return few, many


def _compare(title: str, few_dsn: str, many_dsn: str) -> None:
    few, many = uvloop.run(_in_turns(few_dsn, many_dsn))
    for what, a, b in (
        ("jobs", few.jobs_ms, many.jobs_ms),
        ("deliveries", few.deliveries_ms, many.deliveries_ms),
    ):
        before, after = percentile(a, 0.5), percentile(b, 0.5)
        figure = f"{before:.2f} ms, then {after:.2f} ms: {after / before:.2f}x"
        say(f"a claim of {what}, {title}", figure, "<= 1.2x")


def measure(server: str, *, is_long: bool) -> None:
    """Measure and print both comparisons."""
    history, due = LEVELS[is_long]
    note(f"filling {history:,} jobs of history, and {due:,} due ones ...")
    for title, many_history, many_due in (
        (f"behind {FEW_HISTORY:,} and {history:,} of history", history, FEW_DUE),
        (f"among {FEW_DUE:,} and {due:,} due ones", FEW_HISTORY, due),
    ):
        with (
            a_filled_database(server, "few", history=FEW_HISTORY, due=FEW_DUE) as few,
            a_filled_database(server, "many", history=many_history, due=many_due) as many,
        ):
            _compare(title, few, many)


def main() -> None:
    """Measure beside a PostgreSQL of its own."""
    pin(LOAD_CORE)
    print(describe())
    with a_server() as server:
        roomy(server)
        measure(server, is_long="--long" in sys.argv)


if __name__ == "__main__":
    main()
