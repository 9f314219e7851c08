"""Programs that die or answer late, by way of two processes: each webhook is in the log once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from builders import PlainSeals, a_mint, a_request, open_workspaces

from ringback.doorbell import Bells
from ringback.egress.answer import Answer, Reason, Timings
from ringback.errors import StaleAnswer
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import JobResult
from ringback.service import Service
from ringback.service.endpoints import EndpointDesk, EndpointWish
from ringback.service.listeners import Handed, ListenerDesk
from ringback.service.secrets import KeyDesk
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.webhooks.dispatcher import DispatchSettings
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.parcels import SignedPacker
from ringback.webhooks.signing import SigningBook

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
        keys = KeyDesk(store, PlainSeals(), clock=self.clock, ids=ids)
        bells = Bells()
        self.service = Service(
            store, clock=self.clock, ids=ids, limits=Limits(active_max=1_000), bells=bells
        )
        endpoints = EndpointDesk(
            store,
            store,
            keys,
            clock=self.clock,
            ids=ids,
            bells=bells,
            endpoints_max=9,
            overlap_s=60,
        )
        self.desks = [
            ListenerDesk(
                store,
                endpoints,
                SigningBook(store, store, unsealer=PlainSeals(), clock=self.clock),
                SignedPacker(self.clock),
                clock=self.clock,
                rng=self.rng,
                bells=Bells(),  # of another process: none rings here
                settings=PATIENT,
            )
            for _ in range(2)
        ]
        self.in_hands: list[Handed] = []
        self.recorded: Counter[str] = Counter()
        self.stale_count = 0

    async def end_a_job(self) -> None:
        await self.service.submit(a_request())
        (job,) = await self.service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
        await self.service.finish(job, result=JobResult(urls=("http://x/a.png",)))

    async def take(self, listener: Endpoint, limit: int = 3) -> int:
        handed = await self.rng.choice(self.desks).take(listener, at_once=limit)
        self.in_hands += handed
        return len(handed)

    async def answer(self, answer: Answer) -> None:
        """Have somebody answer for what was handed out, now or long ago, at either process."""
        if not self.in_hands:
            return
        handed = self.in_hands[self.rng.randrange(len(self.in_hands))]
        signed_at_ms = handed.parcel.signed_at_ms
        desk = self.rng.choice(self.desks)
        try:
            await desk.answer(handed.delivery, answer, signed_at_ms=signed_at_ms, duration_ms=1)
        except StaleAnswer:
            self.stale_count += 1
        else:
            self.recorded[handed.delivery.delivery_id] += 1

    async def give_back(self) -> None:
        if self.in_hands:
            await self.rng.choice(self.desks).give_back(self.rng.choice(self.in_hands).delivery)

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
async def test_whoever_dies_and_whenever_they_answer_each_delivery_is_in_the_log_once(
    tmp_path: Path, seed: int
) -> None:
    store = await SqliteStore.open(tmp_path / "data", mint=a_mint())
    await open_workspaces(store, "studio")
    life = Life(store, seed)
    listener, _ = await life.desks[0].open("ed", EndpointWish(), workspace_id="studio")
    for _ in range(STEPS):
        await life.step(listener)
    # Peace: all leases end, and a program answers all that is left.
    while (await store.counts()).deliveries.get("waiting"):
        await life.let_time_pass()
        life.in_hands.clear()
        await life.take(listener, limit=32)
        for handed in list(life.in_hands):
            life.in_hands = [handed]
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
