"""What one hanging destination costs twenty healthy ones: from due to received, with and without.

Real sockets and the durable store; dispatcher and receivers share a process, so the figures are
an upper bound. The hanging one never answers and has 5,000 deliveries waiting.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from random import Random

import uvloop

from bench.dispatch import Plain, fill, make
from bench.machine import percentile, say
from ringback import log
from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.webhook_sender import WebhookSender
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import JobResult
from ringback.service import GenerationRequest, JobService
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeReceiver, hang
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import Dispatcher, DispatchSettings
from ringback.webhooks.delivery.signed_attempt import SignedSender
from ringback.webhooks.delivery.signers import SignerCache

HEALTHY = 20
JOBS = 3_000
PER_S = 300
HANGING = 5_000


async def _lags(data: Path, *, hanging: bool) -> list[float]:
    """Return how long each webhook took from its job's end to its receiver, in seconds."""
    clock, wakeups = SystemClock(), Wakeups()
    store = await SqliteStore.open(data)
    sender = WebhookSender(TargetPolicy.dev())
    ids = Ids(clock.now_ms, Random(1).getrandbits)
    limits = Limits(active_max=10**6)
    service = JobService(store, clock=clock, ids=ids, limits=limits, wakeups=wakeups)
    dispatcher = Dispatcher(
        store,
        SignedSender(sender, SignerCache(store, store, unsealer=Plain(), clock=clock)),
        clock=clock,
        rng=Random(1),
        wakeups=wakeups,
        settings=DispatchSettings(),
    )
    receivers = [FakeReceiver() for _ in range(HEALTHY)]
    slow = FakeReceiver(then=hang())
    for receiver in (*receivers, slow):
        await receiver.__aenter__()
    if hanging:
        origin = f"http://127.0.0.1:{slow.port}"
        fill(data, [origin], first=1, count=HANGING, due_ms=clock.now_ms())
    running = asyncio.create_task(dispatcher.run())
    ended: dict[str, int] = {}
    for number in range(JOBS):
        await service.submit(
            GenerationRequest(
                workspace_id="bench",
                kind="image",
                model="ringback/null",
                type="null",
                engine="null",
                input={},
                base_url="http://127.0.0.1",
                webhook_url=receivers[number % HEALTHY].url,
            )
        )
        (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
        done = await service.finish(job, result=JobResult(urls=()))
        assert done.completed_at_ms is not None
        ended[done.job_id] = done.completed_at_ms
        await clock.sleep(1 / PER_S)
    for receiver in receivers:
        await receiver.wait_for(JOBS // HEALTHY, timeout_s=30)
    lags = [
        (request.at_ms - ended[request.body[11:47].decode()]) / 1000
        for receiver in receivers
        for request in receiver.requests
    ]
    await dispatcher.drain(0)
    await running
    await sender.close()
    for receiver in (*receivers, slow):
        await receiver.__aexit__()
    await store.close()
    return lags


def measure() -> None:
    """Print the figures."""
    log.configure(level="info", as_json=True)
    found: dict[bool, list[float]] = {}
    for hanging in (False, True, False, True):
        with tempfile.TemporaryDirectory(prefix="ringback-bench-") as directory:
            uvloop.run(make(Path(directory)))
            lags = uvloop.run(_lags(Path(directory), hanging=hanging))
        found.setdefault(hanging, []).extend(lags)
    alone, beside = (percentile(found[hanging], 0.99) * 1000 for hanging in (False, True))
    say("healthy destinations alone, due to received, p99", f"{alone:.1f} ms")
    aim = "<= 2 x, <= 1 s"
    say("the same beside a hanging one, p99", f"{beside:.1f} ms", aim)
    say("ratio", f"{beside / max(alone, 0.1):.2f}", "<= 2")


if __name__ == "__main__":
    measure()
