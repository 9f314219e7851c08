"""Commits that wait for the disk in a thread, so that the event loop does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

import apsw

Done = Callable[[Exception | None], None]


class Commits(Protocol):
    """Commits one connection's transactions, away from the event loop."""

    def commit(self, done: Done) -> None:
        """Commit the open transaction, then call ``done`` in the event loop with what broke."""

    async def stop(self) -> None:
        """Return once nothing is being committed any more; no call may follow."""


MakeCommits = Callable[[apsw.Connection, asyncio.AbstractEventLoop], Commits]


class CommitThread:
    """``Commits`` by a thread of its own."""

    def __init__(self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._handed: SimpleQueue[Done | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ringback-writer", daemon=True)
        self._thread.start()

    def commit(self, done: Done) -> None:
        """Commit the open transaction, then call ``done`` in the event loop with what broke."""
        self._handed.put(done)

    async def stop(self) -> None:
        """Return once the thread has ended."""
        self._handed.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (done := self._handed.get()) is not None:
            failure: Exception | None = None
            try:
                self._commit()
            except Exception as exc:  # noqa: BLE001 - the callers are told, in the event loop
                failure = exc
            # The loop may be gone if its program ended without closing the store.
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(done, failure)

    def _commit(self) -> None:
        self._connection.execute("commit")
