"""Outages in simulated time: waiting, attempts, and the speed of the recovery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason, Timings
from ringback.jobs.admission import Limits
from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import Dispatcher, DispatchSettings
from ringback.webhooks.delivery.signed_attempt import AttemptResult
from ringback.webhooks.model import Delivery
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_submission, an_event, an_id_factory, open_workspaces

DELIVERED = Answer(status_code=204, timings=Timings(total_ms=1.0))
REFUSED = Answer(reason=Reason.CONNECT, timings=Timings(total_ms=1.0))
TIMED_OUT = Answer(reason=Reason.TIMEOUT, timings=Timings(total_ms=15_000.0))
MINUTE_S = 60.0


class Receivers:
    """Carries attempts to receivers that are down for a while, and notes when each was made."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.down_until: dict[str, float] = {}
        self.attempts: list[tuple[float, str]] = []
        self.hanging: set[str] = set()

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult:
        origin, now = delivery.destination, self._clock.monotonic()
        self.attempts.append((now, origin))
        if origin in self.hanging:
            await self._clock.sleep(15)
            return AttemptResult(answer=TIMED_OUT, headers=[])
        answer = REFUSED if now < self.down_until.get(origin, 0.0) else DELIVERED
        return AttemptResult(answer=answer, headers=[])


class World:
    """A store full of deliveries, and a dispatcher in time that is moved by hand."""

    def __init__(self, store: SqliteStore, settings: DispatchSettings) -> None:
        self.store = store
        self.clock = FakeClock()
        self.receivers = Receivers(self.clock)
        self._wakeups = Wakeups()
        self._dispatcher = Dispatcher(
            store,
            self.receivers,
            clock=self.clock,
            rng=Random(1),
            wakeups=self._wakeups,
            settings=settings,
        )
        self._running = asyncio.create_task(self._dispatcher.run())

    async def owe(self, origin: str, count: int) -> None:
        """Have so many jobs end that owe a webhook to this origin, now."""
        jobs = [a_job(webhook_url=f"{origin}/hook") for _ in range(count)]
        roomy = Limits(active_max=10**6)
        await asyncio.gather(*(self.store.submit(a_submission(job, limits=roomy)) for job in jobs))
        held = await self.store.claim_jobs(
            engine="null", limit=count, worker_id="w", lease_until_ms=2**52
        )
        now_ms = self.clock.now_ms()
        await asyncio.gather(
            *(
                self.store.end_job(
                    Ending(
                        before=job,
                        after=advance(job, JobEvent.COMPLETE, now_ms=now_ms, result=JobResult()),
                        limits=ROOMY,
                        event=replace(an_event(job), created_at_ms=now_ms),
                    )
                )
                for job in held
            )
        )

    async def pass_time(self, seconds: float, *, step_s: float) -> None:
        """Advance the time in steps; due deliveries are sent before the next step."""
        for _ in range(round(seconds / step_s)):
            await self.clock.elapse(step_s)
            self._wakeups.deliveries.wake()
            await self._quiet()

    async def _quiet(self) -> None:
        """Return when the dispatcher has nothing more to do at this time."""
        while True:
            commits = self.store.commits_count
            await settle()
            await self.store._writer.idle()
            await settle()
            if commits == self.store.commits_count:
                return

    async def delivered_count(self) -> int:
        return (await self.store.counts()).deliveries.get("delivered", 0)

    async def close(self) -> None:
        await self._dispatcher.drain(0)
        await self._running


@asynccontextmanager
async def a_world(directory: Path, settings: DispatchSettings) -> AsyncIterator[World]:
    store = await SqliteStore.open(directory, id_factory=an_id_factory())
    await open_workspaces(store, "studio")
    world = World(store, settings)
    yield world
    await world.close()
    await store.close()


def most_in_a_second(times: list[float]) -> int:
    """Return how many there were in the fullest second."""
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.timeout(60)
async def test_after_ten_minutes_outage_ten_thousand_come_no_faster_than_the_cap(
    tmp_path: Path,
) -> None:
    settings = DispatchSettings(rate=1_000.0)
    shops = ("https://one.example", "https://two.example")
    async with a_world(tmp_path / "data", settings) as world:
        for shop in shops:
            world.receivers.down_until[f"{shop}:443"] = 10 * MINUTE_S
            await world.owe(shop, 5_000)
        await world.pass_time(10 * MINUTE_S, step_s=20)
        while_down = len(world.receivers.attempts)
        # The first failures open the breakers: hardly anything was tried in vain.
        assert while_down <= 100
        assert await world.delivered_count() == 0
        await world.pass_time(5 * MINUTE_S, step_s=1)  # the longest pause that may be left
        assert await world.delivered_count() == 10_000
        assert most_in_a_second([at for at, _ in world.receivers.attempts]) <= 1_000


async def test_a_paused_destination_does_not_use_up_the_attempts_of_what_waits(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path / "data", DispatchSettings()) as world:
        world.receivers.down_until["https://shop.example:443"] = 60 * MINUTE_S
        await world.owe("https://shop.example", 500)
        await world.pass_time(60 * MINUTE_S, step_s=30)
        probes = len(world.receivers.attempts)
        await world.pass_time(10 * MINUTE_S, step_s=5)
        assert await world.delivered_count() == 500
        # What was at hand when it failed; then one probe a pause, of five minutes in the end.
        assert probes <= 32 + 20


async def test_a_destination_that_is_down_costs_the_others_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", DispatchSettings()) as world:
        world.receivers.down_until["https://down.example:443"] = 60 * MINUTE_S
        await world.owe("https://down.example", 1_000)
        await world.pass_time(MINUTE_S, step_s=10)
        await world.owe("https://up.example", 200)
        await world.pass_time(1, step_s=1)
        assert await world.delivered_count() == 200


async def test_a_destination_that_hangs_delays_nobody_however_long_its_line(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", DispatchSettings()) as world:
        world.receivers.hanging.add("https://hanging.example:443")
        await world.owe("https://hanging.example", 5_000)
        await world.pass_time(1, step_s=0.5)
        for shop in range(20):
            await world.owe(f"https://shop{shop}.example", 10)
        await world.pass_time(0.1, step_s=0.05)
        assert await world.delivered_count() == 200
        hung = [at for at, origin in world.receivers.attempts if "hanging" in origin]
        assert len(hung) == DispatchSettings().concurrency_per_destination
