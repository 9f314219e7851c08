"""Forwards a listener's deliveries to a program on this machine, and reports its answers.

It is asynchronous only: while one delivery waits for its answer, others go on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
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
from ringback.client.events import ENDS, INTERIM
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.client.posting import Poster

AT_ONCE = 8
_AGAIN_S = 0.5
_AGAIN_S_MAX = 30.0
_FAREWELL_S = 2.0
_TRANSIENT = (ConnectionFailed, ServerError, RateLimitError)


class Observer(Protocol):
    """Gets a call for every step of the forwarding."""

    def opened(self, listener: Endpoint) -> None:
        """Take the opened listener; it has its ``secret`` if it is new."""

    def connected(self, *, again: bool) -> None:
        """Note that the stream of deliveries is open; ``again`` after a lost connection."""

    def lost(self, error: ClientError) -> None:
        """Note that the connection was lost; the forwarder reconnects until it succeeds."""

    def forwarded(
        self, delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
    ) -> None:
        """Take a posted delivery; ``after`` is its new state, or the error of the report."""


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
        observer: Observer,
        ca_file: str | Path | None = None,
        verifies: bool = True,
        clock: AsyncClock | None = None,
        rng: Random | None = None,
    ) -> None:
        self._listeners = client.webhooks.listeners
        self._name = name
        self._events = events
        self._models = models
        self._at_once = at_once
        self._observer = observer
        self._clock = clock or AsyncSystemClock()
        self._rng = rng or Random()
        self._poster = Poster(url, clock=self._clock, ca_file=ca_file, verifies=verifies)
        self._under_way: dict[asyncio.Task[None], HandedDelivery] = {}
        self._posted: set[asyncio.Task[None]] = set()  # and not reported yet
        self._interim: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)

    async def run(self) -> None:
        """Forward until cancelled, then give back the deliveries without an answer.

        Raises ``ClientError`` when the server refuses the listener.
        """
        opened = await self._listeners.open(self._name, events=self._events, models=self._models)
        self._observer.opened(opened)
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
                        self._observer.connected(again=failures > 0)
                        failures = 0
                    else:
                        self._begin(delivery)
            except _TRANSIENT as exc:
                if not failures:
                    self._observer.lost(exc)
                failures += 1
            bound_s = min(_AGAIN_S_MAX, _AGAIN_S * 2 ** min(failures, 10))
            await self._clock.sleep(self._rng.uniform(bound_s / 2, bound_s) if failures else 0.1)

    def _begin(self, delivery: HandedDelivery) -> None:
        task = asyncio.create_task(self._forward(delivery))
        self._under_way[task] = delivery
        task.add_done_callback(self._under_way.pop)
        task.add_done_callback(self._posted.discard)
        if delivery.job_id and delivery.event in INTERIM:
            job_id = delivery.job_id
            self._interim[job_id].add(task)
            task.add_done_callback(lambda done: self._forget(job_id, done))

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        under_way = self._interim[job_id]
        under_way.discard(task)
        if not under_way:
            del self._interim[job_id]

    async def _forward(self, delivery: HandedDelivery) -> None:
        if delivery.job_id and delivery.event in ENDS:
            await self._cancel_interim(delivery.job_id)
        answer = await self._poster.post(delivery)
        task = asyncio.current_task()
        assert task is not None
        self._posted.add(task)
        after: Delivery | ClientError
        try:
            after = await self._listeners.answer(self._name, delivery, answer)
        except ClientError as exc:
            after = exc  # too late, or unreachable: the server hands it out again if still owed
        self._observer.forwarded(delivery, answer, after)

    async def _cancel_interim(self, job_id: str) -> None:
        """Cancel the job's interim posts: the receiver gets no progress after the end."""
        under_way = set(self._interim.get(job_id, ()))
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)

    async def _give_back(self) -> None:
        """Report the last answers, and give back the rest for another program to take at once."""
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
