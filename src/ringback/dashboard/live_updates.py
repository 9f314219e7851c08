"""Live pages: the server polls each thing once for all open pages, and reports each change.

Jobs and deliveries may change in other processes, which send no wakeup to this one. So a page's
query is repeated: once for all pages that follow it, and more often while its result changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.clock import Clock
from ringback.errors import RingbackError
from ringback.http.event_streams import HEARTBEAT_S, Streams, frame
from ringback.service import JobService
from ringback.wakeups import Wakeup

PAGES_MAX = 500
"""Live pages that one workspace may have open."""
CHANGING_S = 0.4
RESTING_S = 1.0
_CHANGES_FOR_S = 3.0  # after a change, further ones are expected for so long


class Snapshot(Struct, frozen=True):
    """The result of one poll; a different version means that it has changed."""

    version: Hashable
    value: Any = None


Query = Callable[[], Awaitable[Snapshot]]


class _SharedPoll:
    """Repeats one query for as long as a page follows it."""

    def __init__(self, query: Query, clock: Clock) -> None:
        self._query = query
        self._clock = clock
        self.wakeups: set[Wakeup] = set()
        self.latest: Snapshot | None = None
        self.has_ended = False
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            changed_at = self._clock.monotonic()
            while True:
                snapshot = await self._query()
                now = self._clock.monotonic()
                if self.latest is None or snapshot.version != self.latest.version:
                    self.latest, changed_at = snapshot, now
                    self._wake_all()
                is_changing = now - changed_at < _CHANGES_FOR_S
                await self._clock.sleep(CHANGING_S if is_changing else RESTING_S)
        except RingbackError:
            pass  # the thing is gone: the page reports that when it is reloaded
        finally:
            self.has_ended = True
            self._wake_all()

    def _wake_all(self) -> None:
        for wakeup in self.wakeups:
            wakeup.wake()


class LivePages:
    """Opens the event streams of pages, and shares the polls behind them."""

    def __init__(self, service: JobService, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._streams = Streams(clock, streams_max=PAGES_MAX)
        self._polls: dict[Hashable, _SharedPoll] = {}

    def open(self, workspace_id: str, frames: AsyncIterator[bytes]) -> ASGIApp:
        """Return the answer that streams these frames, or raise ``TooManyStreams``."""
        return self._streams.open(workspace_id, frames)

    def open_changes(self, workspace_id: str, name: Hashable, query: Query) -> ASGIApp:
        """Return a stream with an event for each change of the query's result.

        It begins with an event, because the result may have changed while the page was loading.
        """
        return self.open(workspace_id, self._changes(name, query))

    async def _changes(self, name: Hashable, query: Query) -> AsyncIterator[bytes]:
        async for snapshot in self.follow(name, query):
            yield b"" if snapshot is None else frame("changed", {})

    async def follow(self, name: Hashable, query: Query) -> AsyncIterator[Snapshot | None]:
        """Yield the result now and after each change; None after a while without changes."""
        poll = self._polls.get(name)
        if poll is None or poll.has_ended:
            poll = self._polls[name] = _SharedPoll(query, self._clock)
            poll.task = asyncio.create_task(poll.run())
        wakeup = Wakeup()
        poll.wakeups.add(wakeup)
        sent: Snapshot | None = None
        try:
            with self._service.waking_at_drain(wakeup):
                while not self._service.is_draining:
                    if poll.latest is not sent:
                        sent = poll.latest
                        yield sent
                    elif poll.has_ended:
                        return
                    else:
                        await wakeup.wait(HEARTBEAT_S)
                        if poll.latest is sent and not poll.has_ended:
                            yield None
        finally:
            poll.wakeups.discard(wakeup)
            if not poll.wakeups:
                self._end(name, poll)

    def _end(self, name: Hashable, poll: _SharedPoll) -> None:
        assert poll.task is not None
        poll.task.cancel()
        if self._polls.get(name) is poll:
            del self._polls[name]
