"""The sender's yardstick: the least that an asyncio protocol and ``httptools`` can do for a post.

No checks, no deadline, no pool, no record of what happened: one address, one connection for each
post in flight, and a status code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from httptools import HttpResponseParser


class BareSender:
    """Posts to one address of loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_BareConnection] = []
        self._open: list[_BareConnection] = []

    async def post(self, _url: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> int:
        """Return the answer's status."""
        if self._idle:
            connection = self._idle.pop()
        else:
            loop = asyncio.get_running_loop()
            made = await loop.create_connection(_BareConnection, "127.0.0.1", self._port)
            connection = made[1]
            self._open.append(connection)
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        head = b"POST /hook HTTP/1.1\r\nhost: 127.0.0.1\r\n%bcontent-length: %d\r\n\r\n%b"
        status = await connection.request(head % (lines, len(body), body))
        self._idle.append(connection)
        return status

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.transport.close()


class _BareConnection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def request(self, data: bytes) -> asyncio.Future[int]:
        self._status = self._loop.create_future()
        self.transport.write(data)
        return self._status

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._status.set_result(self._parser.get_status_code())
