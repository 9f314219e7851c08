"""Sends webhooks with the lab's faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.jobs.requested_faults import Faults
from ringback.lab.deliveries import (
    Plan,
    Sign,
    WebhookRequest,
    held_answer,
    lost_answer,
    plan_attempt,
    worst,
)

PATIENCE_S = 5.0

Post = Callable[[WebhookRequest], Awaitable[Answer]]


class LabSender:
    """Makes attempts with faults; one per dispatcher."""

    def __init__(self, clock: Clock) -> None:
        self._reordering = Reordering(clock)

    async def attempt(
        self,
        faults: Faults,
        request: WebhookRequest,
        *,
        destination: str,
        attempt_number: int,
        now_s: int,
        sign: Sign,
        post: Post,
    ) -> tuple[Answer, WebhookRequest | None]:
        """Return the attempt's answer, and the request that was sent, if any.

        ``now_s`` is the time of the signature, as the receiver's clock shows it.
        """
        plan = plan_attempt(faults, request, attempt_number=attempt_number, now_s=now_s, sign=sign)
        if not plan.requests:
            return held_answer(), None
        if faults.reorder and attempt_number == faults.hold + 1:
            async with self._reordering.turn(destination, faults.reorder):
                return await _carry_out(plan, post), plan.requests[-1]
        return await _carry_out(plan, post), plan.requests[-1]


async def _carry_out(plan: Plan, post: Post) -> Answer:
    if plan.at_once:
        answers = await asyncio.gather(*map(post, plan.requests))
    else:
        answers = [await post(request) for request in plan.requests]
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
        """Wait for the group, and then until all later members have left this context."""
        group = self._filling.get(destination)
        if group is None:
            group = self._filling[destination] = _Group()
            group.patience = asyncio.create_task(self._close_later(destination, group))
        turn_came = group.join()
        if group.size >= size:
            self._close(destination, group)
        try:
            await turn_came
            yield
        finally:
            group.leave(turn_came)

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
        self._waiting: list[asyncio.Future[None]] = []
        self.patience: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        return len(self._waiting)

    def join(self) -> asyncio.Future[None]:
        turn_came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn_came)
        return turn_came

    def leave(self, turn_came: asyncio.Future[None]) -> None:
        if turn_came in self._waiting:  # it was cancelled before its turn
            self._waiting.remove(turn_came)
        else:
            self.let_next_go()

    def let_next_go(self) -> None:
        if self._waiting:
            turn_came = self._waiting.pop()
            if not turn_came.done():
                turn_came.set_result(None)
