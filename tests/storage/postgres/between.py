"""A program between a store and its server, which cuts connections and may pose as a pooler."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_SOCKET = ".s.PGSQL.5432"
_CHAIN = b"commit and chain\x00"
_COMMITS = (b"commit\x00", _CHAIN)
_STARTING = b"SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
_GREETING = b"K\x00\x00\x00\x0c"  # the process id of the server follows


class Between:
    """Passes bytes on, and breaks or delays connections by command."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut_commits: str | None = None  # "before" or "after" the server hears of the next
        self.refuses = False
        self.starting_count = 0  # so many connections are told that the server is starting
        self.is_pooler = False
        self.cuts_count = 0
        self.cut_chains_count = 0  # of them, commits that begin the next transaction
        self.idle = asyncio.Event()
        self._open_count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        if self.refuses:
            writer.close()
            return
        if self.starting_count:
            self.starting_count -= 1
            await reader.readexactly(8)  # of the greeting; the rest is of no interest
            writer.write(b"E" + (len(_STARTING) + 4).to_bytes(4) + _STARTING)
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_unix_connection(self._server)
        self._writers |= {writer, up_writer}
        self._open_count += 1
        try:
            await asyncio.gather(
                self._up(reader, up_writer, writer), self._down(up_reader, writer, up_writer)
            )
        finally:
            self._writers -= {writer, up_writer}
            self._open_count -= 1
            if self._open_count == 0:
                self.idle.set()

    async def end(self) -> None:
        """Cut what is left, and return when nothing is passed on any more."""
        self.refuses = True
        if self._open_count:
            self.idle.clear()
            self.cut_all()
            await self.idle.wait()

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for writer in self._writers:
            writer.close()

    async def _up(
        self, reader: asyncio.StreamReader, up: asyncio.StreamWriter, down: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.cut_commits and any(one in data for one in _COMMITS):
                    how, self.cut_commits = self.cut_commits, None
                    self.cuts_count += 1
                    self.cut_chains_count += _CHAIN in data
                    down.close()  # the answer is lost
                    if how == "before":
                        up.transport.abort()
                        return
                up.write(data)
                await up.drain()
        up.close()

    async def _down(
        self, reader: asyncio.StreamReader, down: asyncio.StreamWriter, up: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.is_pooler and (at := data.find(_GREETING)) >= 0:
                    pid = at + len(_GREETING)
                    data = data[:pid] + b"\x7f\xff\xff\xf0" + data[pid + 4 :]
                if not down.is_closing():
                    down.write(data)
                    await down.drain()
        down.close()


@asynccontextmanager
async def between(dsn: str) -> AsyncIterator[tuple[Between, str]]:
    """Return such a program, and the DSN that leads through it."""
    (host,) = parse_qs(urlsplit(dsn).query)["host"]
    made = Between(f"{host}/{_SOCKET}")
    with tempfile.TemporaryDirectory(prefix="ringback-between-") as folder:
        server = await asyncio.start_unix_server(made.serve, Path(folder) / _SOCKET)
        parts = urlsplit(dsn)
        try:
            yield made, parts._replace(query=f"host={quote(folder)}").geturl()
        finally:
            server.close()
            await made.end()
