"""Programs that die or answer late, by way of two processes: each webhook is in the log once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from ringback.egress.answer import Answer, Reason, Timings
from ringback.errors import StaleAnswer
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import JobResult
from ringback.service import JobService
from ringback.service.endpoints import EndpointChanges, EndpointService
from ringback.service.listeners import HandedDelivery, ListenerService
from ringback.service.secrets import SigningKeyService
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import DispatchSettings
from ringback.webhooks.delivery.listener_requests import SignedRequestBuilder
from ringback.webhooks.delivery.signers import SignerCache
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import DeliveryStatus
from tests.builders import PlainSeals, a_request, an_id_factory, open_workspaces

SEEDS = 6
STEPS = 120
FINE = Answer(status_code=204, timings=Timings(total_ms=1.0))
BROKEN = Answer(status_code=500, reason=Reason.STATUS, timings=Timings(total_ms=1.0))
PATIENT = DispatchSettings(schedule_s=(1.0,) * 50)


class Life:
    """One store, two processes that serve it, and programs of one listener."""

    def __init__(self, store: SqliteStore, seed: int) -> None:
        self.store = store
        self.rng = Random(seed)
        self.clock = FakeClock()
        ids = Ids(self.clock.now_ms, Random(seed).getrandbits)
        keys = SigningKeyService(store, PlainSeals(), clock=self.clock, ids=ids)
        wakeups = Wakeups()
        self.service = JobService(
            store, clock=self.clock, ids=ids, limits=Limits(active_max=1_000), wakeups=wakeups
        )
        endpoints = EndpointService(
            store,
            store,
            keys,
            clock=self.clock,
            ids=ids,
            wakeups=wakeups,
            endpoints_max=9,
            overlap_s=60,
        )
        self.services = [
            ListenerService(
                store,
                endpoints,
                SignerCache(store, store, unsealer=PlainSeals(), clock=self.clock),
                SignedRequestBuilder(self.clock),
                clock=self.clock,
                rng=self.rng,
                wakeups=Wakeups(),  # of another process: none rings here
                settings=PATIENT,
            )
            for _ in range(2)
        ]
        self.held: list[HandedDelivery] = []
        self.recorded: Counter[str] = Counter()
        self.stale_count = 0

    async def end_a_job(self) -> None:
        await self.service.submit(a_request())
        (job,) = await self.service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
        await self.service.finish(job, result=JobResult(urls=("http://x/a.png",)))

    async def take(self, listener: Endpoint, limit: int = 3) -> int:
        handed = await self.rng.choice(self.services).take(listener, at_once=limit)
        self.held += handed
        return len(handed)

    async def answer(self, answer: Answer) -> None:
        """Answer a delivery that was handed out, now or long ago, at either process."""
        if not self.held:
            return
        handed = self.held[self.rng.randrange(len(self.held))]
        signed_at_ms = handed.request.signed_at_ms
        service = self.rng.choice(self.services)
        try:
            await service.answer(handed.delivery, answer, signed_at_ms=signed_at_ms, duration_ms=1)
        except StaleAnswer:
            self.stale_count += 1
        else:
            self.recorded[handed.delivery.delivery_id] += 1

    async def give_back(self) -> None:
        if self.held:
            await self.rng.choice(self.services).give_back(self.rng.choice(self.held).delivery)

    async def let_time_pass(self) -> None:
        self.clock.advance(self.rng.choice([0.5, 5, 60]))
        now_ms = self.clock.now_ms()
        await self.store.rescue_deliveries(leases_until_ms=now_ms, now_ms=now_ms)

    async def step(self, listener: Endpoint) -> None:
        match self.rng.randrange(7):
            case 0:
                await self.end_a_job()
            case 1 | 2:
                await self.take(listener)
            case 3 | 4:
                await self.answer(self.rng.choice([FINE, FINE, BROKEN]))
            case 5:
                await self.give_back()
            case _:
                await self.let_time_pass()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_each_delivery_is_recorded_once_whichever_process_dies_and_whenever_answers_come(
    tmp_path: Path, seed: int
) -> None:
    store = await SqliteStore.open(tmp_path / "data", id_factory=an_id_factory())
    await open_workspaces(store, "studio")
    life = Life(store, seed)
    listener, _ = await life.services[0].open("ed", EndpointChanges(), workspace_id="studio")
    for _ in range(STEPS):
        await life.step(listener)
    # Peace: all leases end, and a program answers all that is left.
    while (await store.counts()).deliveries.get("waiting"):
        await life.let_time_pass()
        life.held.clear()
        await life.take(listener, limit=32)
        for handed in list(life.held):
            life.held = [handed]
            await life.answer(FINE)
    assert life.stale_count > 0
    counts = (await store.counts()).deliveries
    assert set(counts) == {"delivered"}
    for delivery_id, attempts_count in life.recorded.items():
        delivery = await store.get_delivery(delivery_id)
        assert delivery is not None
        assert delivery.status is DeliveryStatus.DELIVERED
        assert delivery.attempts_count == attempts_count
        assert len(await store.attempts_of(delivery_id)) == attempts_count
    assert len(life.recorded) == counts["delivered"]
    assert (await store.ledger()).balances
    await store.close()
