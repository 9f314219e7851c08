"""Reads on a few connections; a read that is cut off is done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ringback.clock import Clock
from ringback.errors import StorageUnavailable
from ringback.storage.postgres.connecting import Connection, Server, close
from ringback.storage.postgres.errors import Failure, meaning_of
from ringback.storage.postgres.running import run
from ringback.storage.sql.work import Result, Work

_PAUSE_S = 0.1


class Reader:
    """Does reading work on one of its connections."""

    def __init__(self, server: Server, *, count: int, clock: Clock, patience_s: float) -> None:
        self._server = server
        self._clock = clock
        self._patience_s = patience_s
        self._count = count
        self._free: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(count):
            self._free.put_nowait(None)  # connected when it is first needed

    async def look(self, work: Callable[[], Work[Result]], *, at_one_moment: bool) -> Result:
        """Return what the work finds; ``StorageUnavailable`` if the server stays away."""
        deadline = self._clock.monotonic() + self._patience_s
        while True:
            connection = await self._free.get()
            try:
                if connection is None or connection.is_closed():
                    connection = None
                    connection = await self._server.connect(plans=True)
                return await self._run(connection, work, at_one_moment)
            except Exception as exc:
                is_closed = connection is None or connection.is_closed()
                if meaning_of(exc, is_closed=is_closed) is Failure.REFUSED:
                    raise
                if self._clock.monotonic() > deadline:
                    raise StorageUnavailable(
                        "The database cannot be reached; try again soon."
                    ) from exc
            finally:
                self._free.put_nowait(connection)
            await self._clock.sleep(_PAUSE_S)

    async def _run(
        self, connection: Connection, work: Callable[[], Work[Result]], at_one_moment: bool
    ) -> Result:
        # Behind a pooler what does not share a transaction does not share a server process.
        if not at_one_moment and not self._server.is_pooled:
            return await run(connection, work())
        isolation = "repeatable_read" if at_one_moment else None
        async with connection.transaction(isolation=isolation, readonly=True):
            return await run(connection, work())

    async def close(self) -> None:
        """Close the connections, each once it is free."""
        for _ in range(self._count):
            connection = await self._free.get()
            if connection is not None:
                await close(connection)
