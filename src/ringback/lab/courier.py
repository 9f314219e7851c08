"""Carries out what the lab does to webhooks on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.lab.deliveries import (
    Parcel,
    Plan,
    Sign,
    held_answer,
    lost_answer,
    plan_attempt,
    worst,
)
from ringback.lab.faults import Faults

PATIENCE_S = 5.0

Post = Callable[[Parcel], Awaitable[Answer]]


class LabCourier:
    """Makes attempts with faults; one per dispatcher."""

    def __init__(self, clock: Clock) -> None:
        self._reordering = Reordering(clock)

    async def attempt(
        self,
        faults: Faults,
        parcel: Parcel,
        *,
        destination: str,
        attempt_number: int,
        now_s: int,
        sign: Sign,
        post: Post,
    ) -> tuple[Answer, Parcel | None]:
        """Return what came of the attempt, and what was sent, if anything was.

        ``now_s`` is when the parcel was signed: the time that the receiver's clock shows.
        """
        plan = plan_attempt(faults, parcel, attempt_number=attempt_number, now_s=now_s, sign=sign)
        if not plan.parcels:
            return held_answer(), None
        if faults.reorder and attempt_number == faults.hold + 1:
            async with self._reordering.turn(destination, faults.reorder):
                return await _carry_out(plan, post), plan.parcels[-1]
        return await _carry_out(plan, post), plan.parcels[-1]


async def _carry_out(plan: Plan, post: Post) -> Answer:
    if plan.at_once:
        answers = await asyncio.gather(*map(post, plan.parcels))
    else:
        answers = [await post(parcel) for parcel in plan.parcels]
    answer = worst(answers)
    if answer.reason is None and plan.again_ms:
        return lost_answer(answer, plan.again_ms)
    return answer


class Reordering:
    """Gathers deliveries of a destination into groups, and lets each group go latest first.

    A group that does not fill goes after some seconds with those that are there.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._filling: dict[str, _Group] = {}

    @asynccontextmanager
    async def turn(self, destination: str, size: int) -> AsyncIterator[None]:
        """Wait for the group and then for everybody who came later to leave this context."""
        group = self._filling.get(destination)
        if group is None:
            group = self._filling[destination] = _Group()
            group.patience = asyncio.create_task(self._close_later(destination, group))
        place = group.join()
        if group.size >= size:
            self._close(destination, group)
        try:
            await place
            yield
        finally:
            group.leave(place)

    async def _close_later(self, destination: str, group: _Group) -> None:
        await self._clock.sleep(PATIENCE_S)
        self._close(destination, group)

    def _close(self, destination: str, group: _Group) -> None:
        del self._filling[destination]
        assert group.patience is not None
        if group.patience is not asyncio.current_task():
            group.patience.cancel()
        group.let_next_go()


class _Group:
    """Deliveries that go one after another, the latest first."""

    def __init__(self) -> None:
        self._places: list[asyncio.Future[None]] = []
        self.patience: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        return len(self._places)

    def join(self) -> asyncio.Future[None]:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._places.append(place)
        return place

    def leave(self, place: asyncio.Future[None]) -> None:
        if place in self._places:  # it was cancelled before its turn
            self._places.remove(place)
        else:
            self.let_next_go()

    def let_next_go(self) -> None:
        if self._places:
            place = self._places.pop()
            if not place.done():
                place.set_result(None)
