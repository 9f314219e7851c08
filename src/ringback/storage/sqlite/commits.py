"""Commits wait for the disk in a thread, so that the event loop does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

import apsw


class Commits(Protocol):
    """Commits one connection's transactions, away from the event loop."""

    def commit(self) -> asyncio.Future[None]:
        """Commit the open transaction; the future carries the error if that fails."""

    async def stop(self) -> None:
        """Return once nothing is being committed any more; no call may follow."""


MakeCommits = Callable[[apsw.Connection, asyncio.AbstractEventLoop], Commits]


class CommitThread:
    """``Commits`` by a thread of its own."""

    def __init__(self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._queue: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ringback-writer", daemon=True)
        self._thread.start()

    def commit(self) -> asyncio.Future[None]:
        """Commit the open transaction; the future carries the error if that fails."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(future)
        return future

    async def stop(self) -> None:
        """Return once the thread has ended."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (future := self._queue.get()) is not None:
            failure: Exception | None = None
            try:
                self._commit()
            except Exception as exc:  # noqa: BLE001 - it is raised in the event loop
                failure = exc
            # The loop may be gone if its program ended without closing the store.
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(resolve, future, failure)

    def _commit(self) -> None:
        self._connection.execute("commit")


def resolve(future: asyncio.Future[None], failure: Exception | None) -> None:
    """End a commit's future, with the failure if there is one."""
    if future.done():  # cancelled, as at the end of a program that closes no store
        return
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)
