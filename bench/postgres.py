"""The store in PostgreSQL: jobs end to end, wake-ups between processes, what a claim costs.

``python -m bench.postgres --long`` measures claims behind 10,000,000 rows of history and among
1,000,000 due ones; without it, behind 200,000 and among 50,000. PostgreSQL runs beside, from the
wheel that the tests use, and syncs every commit; RINGBACK_TEST_POSTGRES names another one.
"""

from __future__ import annotations

import os
import sys
import time
from random import Random

import psycopg
import uvloop

from bench.beside import a_database, a_server
from bench.machine import LOAD_CORE, describe, median, note, percentile, pin, say
from bench.server import end_to_end
from ringback.clock import SystemClock
from ringback.doorbell import Bells
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.jobs.queue import Submission
from ringback.storage.contract import Workspace
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.partitions import WEEK_MS
from ringback.webhooks.rotation import SigningKey

RUNS = 3
WAKEUPS = 500
CLAIMS = 300
BARE_S = 2.0
BARE_GROUP = 32  # about what shares a commit under the load of the end-to-end figure
LEVELS = {False: (200_000, 50_000), True: (10_000_000, 1_000_000)}
ROOMY = Limits(active_max=10**9, backlog_max=10**9)
_MILLION = 10**6

# A job, its event and its delivery for every number; a hundred workspaces, four destinations each.
_HISTORY = """
insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url,
                  status, webhook_url, completed_at_ms, result)
select {id}, 'w' || n % 100, 'image', 'm', 'null', 'null', '{{}}', {at}, 'http://x', 'completed',
       'http://shop.example/hook', {at}, '{{"urls":[]}}' from generate_series({first}, {last}) n;
insert into events (event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select {id}, 'w' || n % 100, {id}, 'job.completed', 'null', 'm', {at}, '{{}}'
  from generate_series({first}, {last}) n;
insert into deliveries (delivery_id, workspace_id, job_id, event, event_seq, event_id, url,
                        destination, destination_id, created_at_ms, status, ended_at_ms)
select {id}, 'w' || n % 100, {id}, 'job.completed', n, {id}, 'http://shop.example/hook',
       'http://shop.example:80', 1 + n % 400, {at}, 'delivered', {at}
  from generate_series({first}, {last}) n;
"""
_DUE = """
insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url,
                  status)
select {id}, 'w' || n % 100, 'image', 'm', 'null', 'due', '{{}}', {at}, 'http://x', 'queued'
  from generate_series({first}, {last}) n;
insert into events (event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select {id}, 'w' || n % 100, {id}, 'job.completed', 'due', 'm', {at}, '{{}}'
  from generate_series({first}, {last}) n;
insert into deliveries (delivery_id, workspace_id, job_id, event, event_seq, event_id, url,
                        destination, destination_id, created_at_ms, status, next_attempt_at_ms)
select {id}, 'w' || n % 100, {id}, 'job.completed', n, {id}, 'http://shop.example/hook',
       'http://shop.example:80', 1 + n % 400, {at}, 'waiting', {at} + n
  from generate_series({first}, {last}) n;
update destinations set next_due_at_ms = {at};
"""
_DESTINATIONS = """
insert into workspaces (workspace_id, created_at_ms) select 'w' || n, 1
  from generate_series(0, 99) n;
insert into destinations (workspace_id, origin)
select 'w' || n % 100, 'http://shop' || n || '.example:80' from generate_series(1, 400) n;
"""
# An id of that time, as UUIDv7 has it, with the number for its random part.
_ID = "substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0')"


def _roomy(server: str) -> None:
    """Let no checkpoint fall into a measurement."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("alter system set max_wal_size = '8GB'")
        admin.execute("alter system set checkpoint_timeout = '15min'")
        admin.execute("select pg_reload_conf()")


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


def jobs_per_s(server: str) -> tuple[float, float]:
    """Return jobs end to end per second in SQLite and in PostgreSQL, one right after the other."""
    in_sqlite = uvloop.run(end_to_end())
    with a_database(server) as dsn:
        os.environ["RINGBACK_DATABASE"] = dsn
        try:
            return in_sqlite, uvloop.run(end_to_end())
        finally:
            del os.environ["RINGBACK_DATABASE"]


async def wakeups(server: str) -> list[float]:
    """Return ms from a commit here to the claim in another process's store that it woke."""
    with a_database(server) as dsn:
        bells = Bells()
        here, there = await PostgresStore.open(dsn), await PostgresStore.open(dsn, bells=bells)
        await there._telegraph.listening.wait()
        await bells.queued.wait(0)
        await _open_workspace(here)
        ids = Ids(here.clock.now_ms, Random(1).getrandbits)
        found = []
        for _ in range(WAKEUPS):
            await here.submit(Submission(job=_a_job(ids), limits=ROOMY))
            committed = time.perf_counter()
            claimed = 0
            while not claimed:
                await bells.queued.wait(1.0)
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


def fill(dsn: str, script: str, *, count: int, at_ms: int, first: int = 1) -> None:
    """Write that many rows of a script, spread over the ids of one time."""
    with psycopg.connect(dsn, autocommit=True) as database:
        for start in range(first, first + count, _MILLION):
            last = min(start + _MILLION, first + count) - 1
            id_ = _ID.replace("h,", f"'{at_ms:012x}',")
            database.execute(script.format(id=id_, at=at_ms, first=start, last=last))
        database.execute("vacuum analyze")


async def claims(dsn: str) -> tuple[float, float]:
    """Return the median ms of a claim of eight jobs, and of eight deliveries."""
    store = await PostgresStore.open(dsn)
    jobs, deliveries = [], []
    for _ in range(CLAIMS):
        started = time.perf_counter()
        claimed = await _claim(store, "due", 8)
        jobs.append((time.perf_counter() - started) * 1000)
        assert claimed
    at_ms = store.clock.now_ms() + 7 * 86_400_000
    for _ in range(CLAIMS):
        started = time.perf_counter()
        due = await store.claim_due(
            now_ms=at_ms, limit=8, limit_each=8, lease_until_ms=at_ms + 3_600_000
        )
        deliveries.append((time.perf_counter() - started) * 1000)
        assert due
    await store.close()
    return percentile(jobs, 0.5), percentile(deliveries, 0.5)


def claim_costs(server: str, *, history: int, due: int) -> tuple[float, float]:
    """Return the median ms of both claims with that much history, and that much due."""
    with a_database(server) as dsn:
        uvloop.run(_prepare(dsn))
        with psycopg.connect(dsn, autocommit=True) as database:
            database.execute(_DESTINATIONS)
        now_ms = SystemClock().now_ms()
        fill(dsn, _HISTORY, count=history, at_ms=now_ms - WEEK_MS)
        fill(dsn, _DUE, count=due, at_ms=now_ms, first=history + 1)
        return uvloop.run(claims(dsn))


async def _prepare(dsn: str) -> None:
    await (await PostgresStore.open(dsn)).close()


def _flatness(title: str, server: str, few: dict[str, int], many: dict[str, int]) -> None:
    note(f"{title} ...")
    before, after = claim_costs(server, **few), claim_costs(server, **many)
    for what, a, b in zip(("jobs", "deliveries"), before, after, strict=True):
        say(f"a claim of {what}, {title}", f"{a:.2f} ms, then {b:.2f} ms: {b / a:.2f}x", "<= 1.2x")


def measure(server: str, *, is_long: bool) -> None:
    """Measure and print every figure."""
    note("yardstick ...")
    bare = median([bare_inserts_per_s(server) for _ in range(RUNS)])
    say(f"rows per second, inserted {BARE_GROUP} in a synced commit", f"{bare:,.0f}")
    note("end to end ...")
    rates = [jobs_per_s(server) for _ in range(RUNS)]
    rate = median([b for _, b in rates])
    say("jobs end to end per second in PostgreSQL", f"{rate:,.0f}", ">= 2,500")
    say("  as a share of SQLite's in the same run", f"{median([b / a for a, b in rates]):.2f}")
    say("  as a share of the yardstick", f"{rate / bare:.2f}")
    note("wake-ups ...")
    found = uvloop.run(wakeups(server))
    say("from a commit to the claim that it woke, p50", f"{percentile(found, 0.5):.1f} ms")
    say("  p99", f"{percentile(found, 0.99):.1f} ms", "<= 20")
    history, due = LEVELS[is_long]
    few = 20 * CLAIMS
    _flatness(
        f"behind 1,000 and {history:,} rows of history",
        server,
        {"history": 1_000, "due": few},
        {"history": history, "due": few},
    )
    _flatness(
        f"among {few:,} and {due:,} due ones",
        server,
        {"history": 1_000, "due": few},
        {"history": 1_000, "due": due},
    )


def main() -> None:
    """Measure beside a PostgreSQL of its own."""
    pin(LOAD_CORE)
    print(describe())
    with a_server() as server:
        if "RINGBACK_TEST_POSTGRES" not in os.environ:
            _roomy(server)
        measure(server, is_long="--long" in sys.argv)


if __name__ == "__main__":
    main()
