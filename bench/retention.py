"""What forgetting costs those who write: submissions beside a pruner that has 200,000 jobs to do.

Each old job brings an event, a delivery and an attempt with it, all past their time. The store,
the service and the pruner share one event loop, as they do in a server.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import apsw
import uvloop

from bench.dispatch import WORKSPACE, make
from bench.machine import median, note, percentile, say
from ringback import log
from ringback.clock import SystemClock
from ringback.files.artifacts.local import LocalArtifacts
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.maintenance.periodic import Periodic
from ringback.maintenance.pruner import Pruner
from ringback.service import GenerationRequest, JobService
from ringback.storage.retention import Retention
from ringback.storage.sqlite import SqliteStore
from ringback.storage.sqlite.database_files import DATABASE
from ringback.wakeups import Wakeups

OLD = 200_000
RUNS = 3
JOBS = 3_000
PER_S = 200
YEAR_MS = 365 * 86_400_000

_FILL = """
with recursive n (i) as (select 1 union all select i + 1 from n where i < :count)
insert into jobs (seq, job_id, workspace_id, kind, model, type, engine, input, created_at_ms,
                  base_url, status, webhook_url, completed_at_ms, result)
select i, 'old' || i, :workspace, 'image', 'ringback/null', 'null', 'null', '{}', :old_ms,
       'http://127.0.0.1', 'completed', 'http://shop.example/hook', :old_ms, '{"urls":[]}' from n;
insert into events (seq, event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select seq, 'e' || seq, workspace_id, job_id, 'job.completed', engine, model, :old_ms,
       '{"job_id":"' || job_id || '"}' from jobs;
insert into destinations (destination_id, workspace_id, origin)
values (1, :workspace, 'http://shop.example');
insert into deliveries (seq, delivery_id, workspace_id, job_id, event, url, destination,
                        created_at_ms, status, attempts_count, ended_at_ms, round_started_at_ms,
                        destination_id, event_seq)
select seq, 'd' || seq, workspace_id, job_id, 'job.completed', webhook_url, 'http://shop.example',
       :old_ms, 'delivered', 1, :old_ms, :old_ms, 1, seq from jobs;
insert into attempts (delivery_id, number, started_at_ms, duration_ms, status_code, response)
select delivery_id, 1, :old_ms, 5, 204, x'' from deliveries;
update workspaces set accepted_count = :count, owed_count = :count
 where workspace_id = :workspace;
"""


def fill(data: Path) -> None:
    """Write jobs of a year ago, with all that belongs to them."""
    database = apsw.Connection(str(data / DATABASE))
    old_ms = SystemClock().now_ms() - YEAR_MS
    with database:
        database.execute(_FILL, {"count": OLD, "workspace": WORKSPACE, "old_ms": old_ms})
    database.close()


async def _submit(data: Path, *, pruning: bool) -> tuple[list[float], float]:
    """Return how long each submission took, in seconds, and how many rows were pruned a second."""
    clock = SystemClock()
    store = await SqliteStore.open(data)
    ids = Ids(clock.now_ms, Random(1).getrandbits)
    limits = Limits(active_max=10**6)
    service = JobService(store, clock=clock, ids=ids, limits=limits, wakeups=Wakeups())
    artifacts = LocalArtifacts(data / "artifacts")
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(), clock=clock
    )
    before = _rows(store)
    began = clock.monotonic()
    running = (
        asyncio.create_task(Periodic("pruner", pruner.step, every_s=1.0, clock=clock).run())
        if pruning
        else None
    )
    took: list[float] = []

    async def submit() -> None:
        started = clock.monotonic()
        await service.submit(
            GenerationRequest(
                workspace_id=WORKSPACE,
                kind="image",
                model="ringback/null",
                type="null",
                engine="null",
                input={},
                base_url="http://127.0.0.1",
                webhook_url=None,
            )
        )
        took.append(clock.monotonic() - started)

    async with asyncio.TaskGroup() as submissions:
        for _ in range(JOBS):
            submissions.create_task(submit())
            await clock.sleep(1 / PER_S)
    passed_s = clock.monotonic() - began
    if running is not None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    pruned = before - _rows(store)
    await store.close()
    return took, pruned / passed_s


def _rows(store: SqliteStore) -> int:
    """Return how many of the old rows there are still."""
    counts: list[Any] = store._reader.execute(
        "select (select count(*) from jobs where job_id like 'old%')"
        " + (select count(*) from events) + (select count(*) from deliveries)"
        " + (select count(*) from attempts)"
    ).fetchall()
    return int(counts[0][0])


def measure() -> None:
    """Print the figures."""
    log.configure(level="warning", as_json=True)
    alone: list[float] = []
    beside: list[float] = []
    rates: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as directory:
        filled = Path(directory, "filled")
        uvloop.run(make(filled))
        fill(filled)
        for number in range(2 * RUNS):
            data = Path(directory, f"run{number}")
            shutil.copytree(filled, data)
            took, rate = uvloop.run(_submit(data, pruning=number % 2 == 1))
            p99 = percentile(took, 0.99) * 1000
            (beside if number % 2 else alone).append(p99)
            if number % 2:
                rates.append(rate)
            note(f"  p99 {p99:.1f} ms" + (f", {rate:,.0f} rows a second" if number % 2 else ""))
            shutil.rmtree(data)
    say(f"a submission at {PER_S}/s, p99", f"{median(alone):.1f} ms")
    say("the same beside the pruner, p99", f"{median(beside):.1f} ms")
    say("ratio", f"{median(beside) / median(alone):.2f}")
    say("old rows pruned meanwhile", f"{median(rates):,.0f}/s")


if __name__ == "__main__":
    measure()
