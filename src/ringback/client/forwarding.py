"""Forwards what a workspace is owed to a program on this machine: the courier at this end.

On an event loop alone: while one delivery waits for its answer, others go on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Protocol

from ringback.client.aio.client import AsyncRingback
from ringback.client.clock import AsyncClock, AsyncSystemClock
from ringback.client.errors import (
    ClientError,
    ConnectionFailed,
    RateLimitError,
    ServerError,
)
from ringback.client.events import ENDS, PASSING
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.client.posting import Poster

AT_ONCE = 8
_AGAIN_S = 0.5
_AGAIN_S_MAX = 30.0
_FAREWELL_S = 2.0
_MAY_PASS = (ConnectionFailed, ServerError, RateLimitError)


class Onlooker(Protocol):
    """Is told how forwarding goes."""

    def opened(self, listener: Endpoint) -> None:
        """The listener is there; it has its ``secret`` if it was made just now."""

    def connected(self, *, again: bool) -> None:
        """The server hands out; ``again``: it was out of reach."""

    def lost(self, trouble: ClientError) -> None:
        """The server is out of reach; it is tried again until it is back."""

    def forwarded(
        self, delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
    ) -> None:
        """A delivery was posted; ``after`` is where it stands, or why nobody took note of it."""


class Forwarder:
    """Takes one listener's deliveries and posts them to one URL, until it is cancelled."""

    def __init__(
        self,
        client: AsyncRingback,
        url: str,
        *,
        name: str,
        events: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        at_once: int = AT_ONCE,
        onlooker: Onlooker,
        clock: AsyncClock | None = None,
        rng: Random | None = None,
    ) -> None:
        self._listeners = client.webhooks.listeners
        self._name = name
        self._events = events
        self._models = models
        self._at_once = at_once
        self._onlooker = onlooker
        self._clock = clock or AsyncSystemClock()
        self._rng = rng or Random()
        self._poster = Poster(url, clock=self._clock)
        self._under_way: dict[asyncio.Task[None], HandedDelivery] = {}
        self._posted: set[asyncio.Task[None]] = set()  # and not reported yet
        self._passing: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)

    async def run(self) -> None:
        """Forward until cancelled; what is not answered by then is given back.

        Raises ``ClientError`` when the server refuses it.
        """
        opened = await self._listeners.open(self._name, events=self._events, models=self._models)
        self._onlooker.opened(opened)
        try:
            await self._listen()
        finally:
            await self._give_back()
            await self._poster.close()

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async for delivery in self._listeners.deliveries(self._name, at_once=self._at_once):
                    if delivery is None:
                        self._onlooker.connected(again=failures > 0)
                        failures = 0
                    else:
                        self._begin(delivery)
            except _MAY_PASS as trouble:
                if not failures:
                    self._onlooker.lost(trouble)
                failures += 1
            bound_s = min(_AGAIN_S_MAX, _AGAIN_S * 2 ** min(failures, 10))
            await self._clock.sleep(self._rng.uniform(bound_s / 2, bound_s) if failures else 0.1)

    def _begin(self, delivery: HandedDelivery) -> None:
        task = asyncio.create_task(self._forward(delivery))
        self._under_way[task] = delivery
        task.add_done_callback(self._under_way.pop)
        task.add_done_callback(self._posted.discard)
        if delivery.job_id and delivery.event in PASSING:
            job_id = delivery.job_id
            self._passing[job_id].add(task)
            task.add_done_callback(lambda done: self._forget(job_id, done))

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        under_way = self._passing[job_id]
        under_way.discard(task)
        if not under_way:
            del self._passing[job_id]

    async def _forward(self, delivery: HandedDelivery) -> None:
        if delivery.job_id and delivery.event in ENDS:
            await self._silence(delivery.job_id)
        answer = await self._poster.post(delivery)
        task = asyncio.current_task()
        assert task is not None
        self._posted.add(task)
        after: Delivery | ClientError
        try:
            after = await self._listeners.answer(self._name, delivery, answer)
        except ClientError as trouble:
            after = trouble  # too late, or out of reach: what is still owed comes again
        self._onlooker.forwarded(delivery, answer, after)

    async def _silence(self, job_id: str) -> None:
        """Break off what is being posted of a job: after its end is told nothing else of it."""
        under_way = set(self._passing.get(job_id, ()))
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)

    async def _give_back(self) -> None:
        """Report what was answered, and give back the rest: somebody else may have it at once."""
        under_way = dict(self._under_way)
        if not under_way:
            return
        for task in under_way:
            if task not in self._posted:
                task.cancel()
        _, late = await asyncio.wait(under_way, timeout=_FAREWELL_S)
        for task in late:
            task.cancel()
        untried = [one for task, one in under_way.items() if task.cancelled()]
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await asyncio.gather(*map(self._return, untried))

    async def _return(self, delivery: HandedDelivery) -> None:
        with suppress(ClientError):  # its lease ends by itself
            await self._listeners.give_back(self._name, delivery)
