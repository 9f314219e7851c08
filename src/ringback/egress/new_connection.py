"""Owns a new TCP connection until a protocol takes it over, so that its descriptor has one owner.

The event loop makes the socket, and its transport alone knows and closes the descriptor. A socket
object that is attached to a transport is a second owner: when a peer resets before the TLS hello
is written, uvloop closes the number, and then the object closes it again. By then the number may
be another connection's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Self, cast

_TLS_SHUTDOWN_TIMEOUT_S = 1.0
_KEEPALIVE = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))  # in seconds
_LOST = "the connection was lost"


class NewConnection(asyncio.Protocol):
    """An open TCP connection; leaving its context closes it, unless a protocol took it over."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None  # None: not yet, or no more
        self._new_owner: asyncio.BaseProtocol | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._answer_end = b""
        self._answer_bytes_max = 0
        self._received = b""

    @classmethod
    async def open(cls, address: str, port: int) -> Self:
        """Return a connection to a literal address, or raise ``OSError``; nothing is looked up."""
        family = socket.AF_INET6 if isinstance(ip_address(address), IPv6Address) else socket.AF_INET
        _, connection = await asyncio.get_running_loop().create_connection(
            cls, address, port, family=family, flags=socket.AI_NUMERICHOST
        )
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._new_owner is None:
            self.close()

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, request: bytes, *, end: bytes, bytes_max: int) -> bytes:
        """Write a request and return the answer: to ``end`` and beyond, or to the bytes' limit.

        Less is returned when the other side closes; ``OSError`` is raised when the connection
        breaks.
        """
        transport = self._open_transport()
        self._answer = asyncio.get_running_loop().create_future()
        self._answer_end, self._answer_bytes_max = end, bytes_max
        transport.write(request)
        return await self._answer

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Encrypt the connection and check the certificate, or raise ``OSError``."""
        secured = await asyncio.get_running_loop().start_tls(
            self._open_transport(),
            self,
            context,
            server_hostname=server_hostname,
            ssl_shutdown_timeout=_TLS_SHUTDOWN_TIMEOUT_S,
        )
        # Lost just after the handshake: asyncio's own loop then has no transport to return.
        if secured is None or self._transport is None:
            raise ConnectionResetError(_LOST)
        self._transport = secured

    def hand_over(self, protocol: asyncio.BaseProtocol) -> None:
        """Make the protocol the connection's only owner, or raise ``OSError`` if it was lost."""
        transport = self._open_transport()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._new_owner = protocol

    def _open_transport(self) -> asyncio.Transport:
        # A closed one would raise another error, or begin a handshake that never ends.
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError(_LOST)
        return self._transport

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and have the system keep it alive."""
        self._transport = cast("asyncio.Transport", transport)
        _keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Collect an answer; unexpected bytes end the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._received += data
        is_over = len(self._received) > self._answer_bytes_max
        if is_over or self._answer_end in self._received:
            self._answer.set_result(self._received)

    def eof_received(self) -> None:
        """Let the transport close itself, which ends the answer."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange, or tell a new owner that the transport did not know yet."""
        self._transport = None
        if self._new_owner is not None:
            self._new_owner.connection_lost(exc)
        elif self._answer is not None and not self._answer.done():
            if exc is None:
                self._answer.set_result(self._received)
            else:
                self._answer.set_exception(exc)


def _keep_alive(sock: socket.socket | None) -> None:
    """Let the system notice a peer that is gone, and routers remember the connection.

    A provider may think for minutes before it answers, longer than NAT remembers a silence.
    """
    if sock is None:  # TLS over a transport of its own
        return
    with suppress(OSError):  # the peer may have reset it
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):  # systems differ in them
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
