"""A TCP port on loopback before a server, which can fall silent or stop listening."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Outage = Literal["refused", "silent"]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Upstream = Callable[[], Awaitable[Streams]]
"""Opens a connection to the server behind the relay."""


class Relay:
    """Passes connections on to a server, until told otherwise."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self.port = 0
        self.connections_count = 0
        self.cuts_after_bytes: int | None = None  # of answers; then one connection is cut
        self.stays_cut = False

    async def open(self) -> None:
        """Listen, and pass on what comes and what was held back."""
        self._may_pass.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def fail(self, how: Outage) -> None:
        """Refuse connections and reset those there are, or accept everything and say nothing."""
        if how == "silent":
            self._may_pass.clear()
        else:
            await self.close()

    async def close(self) -> None:
        """Stop listening and reset every connection."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:  # accepted just before the relay was closed
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections_count += 1
        ends = [writer]
        try:
            await self._may_pass.wait()
            up_reader, up_writer = await self._upstream()
            ends.append(up_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(reader, up_writer))
                ways.create_task(self._pass(up_reader, writer, is_down=True))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # one of the two is gone, or the relay is closed
        finally:
            self._tasks.discard(task)
            for end in ends:
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_down: bool = False
    ) -> None:
        passed_bytes = 0
        while data := await reader.read(65_536):
            passed_bytes += len(data)
            limit = self.cuts_after_bytes
            if is_down and limit is not None and passed_bytes > limit:
                self.cuts_after_bytes = 0 if self.stays_cut else None
                raise ConnectionResetError
            await self._may_pass.wait()
            writer.write(data)
            await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


@asynccontextmanager
async def relay_to(upstream: Upstream) -> AsyncIterator[Relay]:
    """Run a relay for the time of the context."""
    relay = Relay(upstream)
    await relay.open()
    try:
        yield relay
    finally:
        await relay.close()


def through(dsn: str, relay: Relay) -> str:
    """Return the DSN that leads through the relay."""
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"postgres@127.0.0.1:{relay.port}", query="").geturl()


@asynccontextmanager
async def postgres_behind(dsn: str) -> AsyncIterator[Relay]:
    """Run a relay before the PostgreSQL server of a DSN."""
    (folder,) = parse_qs(urlsplit(dsn).query)["host"]
    connect = partial(asyncio.open_unix_connection, f"{folder}/.s.PGSQL.5432")
    async with relay_to(connect) as relay:
        yield relay
