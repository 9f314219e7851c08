"""Deliveries per second from the durable store, attempts recorded, on one core.

The dispatcher, its store and its sender run on one core; receivers answer 204 from another. The
same is measured with a million deliveries waiting for tomorrow in the store, and so is the bare
sketch of a sender: all three take turns, so that what the machine does meanwhile touches all alike.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import apsw
import uvloop

from bench import sender as posts
from bench.machine import LOAD_CORE, SERVER_CORE, median, note, pin, say
from ringback import log
from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.webhook_sender import WebhookSender
from ringback.server.interpreter import tune_interpreter
from ringback.signing.rotation import SigningKey
from ringback.storage.contract import Workspace
from ringback.storage.sqlite import SqliteStore
from ringback.storage.sqlite.database_files import DATABASE
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import Dispatcher, DispatchSettings
from ringback.webhooks.delivery.signed_attempt import SignedSender
from ringback.webhooks.delivery.signers import SignerCache

RUNS = 5
DUE = 30_000
WAITING = 1_000_000
RECEIVERS = 8
WORKSPACE = "bench"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOMORROW_MS = 86_400_000

_FILL = """
with recursive n (i) as (select :first union all select i + 1 from n where i + 1 < :first + :count)
insert into events (event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select 'e' || i, :workspace, 'j' || i, 'job.completed', 'null', 'ringback/null', :now_ms, :body
  from n;
with recursive n (i) as (select :first union all select i + 1 from n where i + 1 < :first + :count)
insert into deliveries (delivery_id, workspace_id, job_id, event, url, destination, created_at_ms,
                        status, next_attempt_at_ms, round_started_at_ms, destination_id, event_seq)
select 'd' || i, :workspace, 'j' || i, 'job.completed', d.origin || '/hook', d.origin, :now_ms,
       'waiting', :due_ms, :now_ms, d.destination_id, e.seq
  from n join events e on e.event_id = 'e' || i
         join destinations d on d.destination_id = :base + i % :destinations;
"""


class Plain:
    """Opens nothing that was sealed: the benchmark's secret is not."""

    def unseal(self, sealed: str, *, owner: str) -> str:
        return sealed


def fill(data: Path, origins: list[str], *, first: int, count: int, due_ms: int) -> None:
    """Write deliveries to these origins, due at that time."""
    database = apsw.Connection(str(data / DATABASE))
    database.set_busy_timeout(5000)
    with database:
        ((base,),) = database.execute(
            "select coalesce(max(destination_id), 0) + 1 from destinations"
        )
        for origin in origins:
            row = (WORKSPACE, origin, due_ms)
            database.execute(
                "insert into destinations (workspace_id, origin, next_due_at_ms) values (?, ?, ?)",
                row,
            )
        bindings = {
            "first": first,
            "count": count,
            "workspace": WORKSPACE,
            "now_ms": SystemClock().now_ms(),
            "body": posts.BODY.decode(),
            "due_ms": due_ms,
            "base": base,
            "destinations": len(origins),
        }
        database.execute("create index bench_events on events (event_id)")
        database.execute(_FILL, bindings)
        database.execute("drop index bench_events")
    database.close()


def again(data: Path, due_ms: int) -> None:
    """Make the first deliveries due once more, as they were before they were delivered."""
    database = apsw.Connection(str(data / DATABASE))
    database.set_busy_timeout(5000)
    with database:
        database.execute("delete from attempts")
        database.execute(
            "update deliveries set status = 'waiting', next_attempt_at_ms = ?, ended_at_ms = null, "
            "attempts_count = 0, round_attempts_count = 0 where seq <= ?",
            (due_ms, DUE),
        )
        database.execute(
            "update destinations set next_due_at_ms = ? where destination_id <= ?",
            (due_ms, RECEIVERS),
        )
    database.close()


async def _dispatch(data: Path) -> float:
    """Deliver what is due; return how many a second."""
    clock, wakeups = SystemClock(), Wakeups()
    store = await SqliteStore.open(data)
    sender = WebhookSender(TargetPolicy.dev())
    dispatcher = Dispatcher(
        store,
        SignedSender(sender, SignerCache(store, store, unsealer=Plain(), clock=clock)),
        clock=clock,
        rng=Random(1),
        wakeups=wakeups,
        settings=DispatchSettings(concurrency_per_destination=32),
    )
    before = store.commits_count
    began = clock.monotonic()
    running = asyncio.create_task(dispatcher.run())
    while not await _is_done(store):
        await clock.sleep(0.05)
    took = clock.monotonic() - began
    await dispatcher.drain(1)
    await running
    await sender.close()
    note(f"  {DUE / took:,.0f} a second, {DUE / (store.commits_count - before):.0f} rows a commit")
    await store.close()
    return DUE / took


async def _is_done(store: SqliteStore) -> bool:
    rows: list[Any] = store._reader.execute(
        "select coalesce(max(rowid), 0) from attempts"
    ).fetchall()
    return bool(rows[0][0] >= DUE)


async def make(data: Path) -> None:
    """Make a store with the workspace of the benchmark."""
    store = await SqliteStore.open(data)
    key = SigningKey(key_id="k", kind="v1", sealed=SECRET, created_at_ms=1)
    await store.open_workspace(Workspace(workspace_id=WORKSPACE, created_at_ms=1), key)
    await store.close()


def _resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def measure() -> None:
    """Print the figures."""
    command = [sys.executable, "-m", "bench.dispatch", "--receivers"]
    receivers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert receivers.stdout is not None
        ports = [int(receivers.stdout.readline()) for _ in range(RECEIVERS)]
        pin(SERVER_CORE)
        with tempfile.TemporaryDirectory(prefix="ringback-bench-") as directory:
            _measure(Path(directory), [f"http://127.0.0.1:{port}" for port in ports])
    finally:
        receivers.kill()
        receivers.wait()


def _measure(data: Path, origins: list[str]) -> None:
    log.configure(level="info", as_json=True)
    tune_interpreter()
    now_ms = SystemClock().now_ms()
    alone, beside = data / "alone", data / "beside"
    for one in (alone, beside):
        uvloop.run(make(one))
        fill(one, origins, first=1, count=DUE, due_ms=now_ms)
    uvloop.run(_dispatch(alone))  # warm
    idle_mb = _resident_mb()
    note(f"  writing {WAITING:,} deliveries that wait for tomorrow ...")
    elsewhere = [f"http://shop{number}.example:80" for number in range(1_000)]
    fill(beside, elsewhere, first=DUE + 1, count=WAITING, due_ms=now_ms + TOMORROW_MS)
    uvloop.run(_dispatch(beside))
    grown_mb = _resident_mb() - idle_mb
    found: list[tuple[float, float, float]] = []
    for _ in range(RUNS):
        again(alone, now_ms)
        again(beside, now_ms)
        bare = uvloop.run(posts.posts_per_s(origins[0], bare=True, run_s=1.0))
        found.append((bare, uvloop.run(_dispatch(alone)), uvloop.run(_dispatch(beside))))
    bares, alones, besides = zip(*found, strict=True)
    say("delivered from the store, recorded", f"{median(alones):,.0f}/s", ">= 8,000/s")
    say("  a bare sketch of a sender, nothing kept", f"{median(bares):,.0f}/s")
    part = median([delivered / bare for bare, delivered, _ in found])
    say("  the dispatcher's part of it", f"{part:.0%}")
    ratio = median([much / delivered for _, delivered, much in found])
    say(f"the same with {WAITING:,} waiting", f"{median(besides):,.0f}/s", f"ratio {ratio:.2f}")
    say(f"memory for {WAITING:,} waiting", f"{grown_mb:,.0f} MB", "<= 64 MB")


async def _receive() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(RECEIVERS):
        server = await loop.create_server(posts._Receiver, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    await loop.create_future()


if __name__ == "__main__":
    if "--receivers" in sys.argv:
        pin(LOAD_CORE)
        uvloop.run(_receive())
    else:
        measure()
