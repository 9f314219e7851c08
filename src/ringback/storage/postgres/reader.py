"""Reads on a few connections; a read that is cut off is done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from ringback.clock import Clock
from ringback.concurrency.deadline import Deadline
from ringback.storage.postgres.connections import Connection, Server, close, cut_at
from ringback.storage.postgres.errors import Failure, meaning_of, unavailable
from ringback.storage.postgres.outage import Outage
from ringback.storage.postgres.runner import run
from ringback.storage.transactions.work import Result, TransactionScript

_PAUSE_S = 0.1


class Reader:
    """Runs reading scripts, each on one of its connections."""

    def __init__(
        self, server: Server, *, count: int, clock: Clock, patience_s: float, outage: Outage
    ) -> None:
        self._server = server
        self._clock = clock
        self._patience_s = patience_s
        self._outage = outage
        self._count = count
        self._open: set[Connection] = set()
        self._free: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(count):
            self._free.put_nowait(None)  # connected when it is first needed

    async def query(
        self,
        work: Callable[[], TransactionScript[Result]],
        *,
        at_one_moment: bool,
        patience_s: float | None = None,
        is_long: bool = False,
    ) -> Result:
        """Return the script's result; ``StorageUnavailable`` if that takes longer than patience.

        The time is for all of it: a free connection, connecting and every statement. Only work
        that ``is_long`` is not cut off by it, and not begun again after it.
        """
        patience_s = self._patience_s if patience_s is None else patience_s
        deadline = Deadline(patience_s, self._clock.monotonic)
        while True:
            connection = await self._next_free(deadline)
            try:
                if connection is None or connection.is_closed():
                    connection = await self._connected(connection, deadline)
                with nullcontext() if is_long else cut_at(deadline, connection):
                    result = await self._run(connection, work, at_one_moment)
            except Exception as exc:
                is_closed = connection is None or connection.is_closed()
                if meaning_of(exc, is_closed=is_closed) is Failure.REFUSED:
                    self._outage.heard()
                    raise
                self._outage.failed(exc)
                if not deadline.left_s:
                    raise unavailable() from exc
            else:
                self._outage.heard()
                return result
            finally:
                self._free.put_nowait(connection)
            await self._clock.sleep(_PAUSE_S)

    async def _next_free(self, deadline: Deadline) -> Connection | None:
        try:
            async with asyncio.timeout(deadline.left_s):
                return await self._free.get()
        except TimeoutError as exc:
            raise unavailable() from exc

    async def _connected(self, former: Connection | None, deadline: Deadline) -> Connection:
        self._open.discard(former)
        connection = await self._server.connect(plans=True, timeout_s=deadline.left_s)
        self._open.add(connection)
        return connection

    async def _run(
        self,
        connection: Connection,
        work: Callable[[], TransactionScript[Result]],
        at_one_moment: bool,
    ) -> Result:
        # Behind a pooler statements share a server process only within a transaction.
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
                self._open.discard(connection)

    def cut(self) -> None:
        """Break off the connections that are left."""
        for connection in self._open:
            connection.terminate()
