"""The store in PostgreSQL: jobs end to end, wake-ups between processes, what a claim costs.

``--long`` is for what a claim costs: see ``bench.flatness``. PostgreSQL runs beside, from the
wheel that the tests use, and syncs every commit; RINGBACK_TEST_POSTGRES names another one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg
import uvloop

from bench import flatness
from bench.beside import a_database, a_server, roomy
from bench.machine import LOAD_CORE, describe, median, note, percentile, pin, say
from bench.meters import postmaster_of, server_s
from bench.server import EndToEnd, end_to_end
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.jobs.store import Submission
from ringback.signing.rotation import SigningKey
from ringback.storage.contract import Workspace
from ringback.storage.postgres import PostgresStore
from ringback.wakeups import Wakeups

RUNS = 3
WAKEUPS = 500
BARE_S = 2.0
BARE_GROUP = 32  # about what shares a commit under the load of the end-to-end figure
ROOMY = Limits(active_max=10**9, backlog_max=10**9)


def bare_inserts_per_s(server: str) -> float:
    """Return rows per second in synced commits of one connection: the yardstick."""
    with a_database(server) as dsn, psycopg.connect(dsn, autocommit=True) as database:
        database.execute("create table bare (id bigint primary key, body text not null)")
        body, count = "x" * 500, 0
        started = time.perf_counter()
        while time.perf_counter() - started < BARE_S:
            ids = list(range(count, count + BARE_GROUP))
            database.execute(
                "insert into bare select * from unnest(%s::bigint[], %s::text[])",
                (ids, [body] * BARE_GROUP),
            )
            count += BARE_GROUP
        return count / (time.perf_counter() - started)


class Sides(NamedTuple):
    """The same load on both engines of state, one right after the other."""

    sqlite: EndToEnd
    postgres: EndToEnd
    trips: float  # round trips to PostgreSQL for each job


def end_to_end_on_both(server: str) -> Sides:
    """Return what a closed loop did on SQLite, and then on PostgreSQL."""
    on_sqlite = uvloop.run(end_to_end())
    with a_database(server) as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(server, autocommit=True) as admin:
            postmaster = postmaster_of(admin)
        trips = Path(folder) / "trips"
        with environment(RINGBACK_DATABASE=dsn, BENCH_TRIPS=str(trips)):
            done = uvloop.run(end_to_end(lambda: server_s(postmaster)))
        return Sides(on_sqlite, done, int(trips.read_text()) / done.jobs_count)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables for the processes that are started in the context."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


async def wakeups(server: str) -> list[float]:
    """Return ms from a commit here to the claim in another process's store that it woke."""
    with a_database(server) as dsn:
        wakeups = Wakeups()
        here, there = await PostgresStore.open(dsn), await PostgresStore.open(dsn, wakeups=wakeups)
        await there._notifications.listening.wait()
        await wakeups.queued.wait(0)
        await _open_workspace(here)
        ids = Ids(here.clock.now_ms, Random(1).getrandbits)
        found = []
        for _ in range(WAKEUPS):
            await here.submit(Submission(job=_a_job(ids), limits=ROOMY))
            committed = time.perf_counter()
            claimed = 0
            while not claimed:
                await wakeups.queued.wait(1.0)
                claimed = len(await _claim(there, "null", 1))
            found.append((time.perf_counter() - committed) * 1000)
        await here.close()
        await there.close()
        return found


def _a_job(ids: Ids) -> Job:
    return Job(
        job_id=ids.uuid7(),
        workspace_id="bench",
        kind="image",
        model="ringback/null",
        type="null",
        engine="null",
        input={"prompt": "a red fox in snow"},
        created_at_ms=1,
        base_url="http://127.0.0.1",
    )


async def _open_workspace(store: PostgresStore) -> None:
    key = SigningKey(key_id="k", kind="v1", sealed="whsec_AAAA", created_at_ms=1)
    await store.open_workspace(Workspace(workspace_id="bench", created_at_ms=1), key)


async def _claim(store: PostgresStore, engine: str, limit: int) -> list[Job]:
    until_ms = store.clock.now_ms() + 3_600_000
    return await store.claim_jobs(
        engine=engine, limit=limit, worker_id="w", lease_until_ms=until_ms
    )


def measure(server: str, *, is_long: bool) -> None:
    """Measure and print every figure."""
    note("yardstick ...")
    bare = median([bare_inserts_per_s(server) for _ in range(RUNS)])
    say(f"rows per second, inserted {BARE_GROUP} in a synced commit", f"{bare:,.0f}")
    note("end to end ...")
    runs = [end_to_end_on_both(server) for _ in range(RUNS)]
    rate = median([run.postgres.per_s for run in runs])
    say("jobs end to end per second in PostgreSQL", f"{rate:,.0f}", ">= 2,500")
    share = median([run.postgres.per_s / run.sqlite.per_s for run in runs])
    say("  as a share of SQLite's in the same run", f"{share:.2f}")
    say("  as a share of the yardstick", f"{rate / bare:.2f}")
    for what, figure in (
        ("processor time per job, the server on SQLite", [run.sqlite.own_us for run in runs]),
        ("  the server on PostgreSQL", [run.postgres.own_us for run in runs]),
        ("  PostgreSQL itself", [run.postgres.beside_us for run in runs]),
    ):
        say(what, f"{median(figure):.0f} us")
    say("  round trips per job", f"{median([run.trips for run in runs]):.2f}")
    note("wake-ups ...")
    found = uvloop.run(wakeups(server))
    say("from a commit to the claim that it woke, p50", f"{percentile(found, 0.5):.1f} ms")
    say("  p99", f"{percentile(found, 0.99):.1f} ms", "<= 20")
    flatness.measure(server, is_long=is_long)


def main() -> None:
    """Measure beside a PostgreSQL of its own."""
    pin(LOAD_CORE)
    print(describe())
    with a_server() as server:
        roomy(server)
        measure(server, is_long="--long" in sys.argv)


if __name__ == "__main__":
    main()
