"""A little HTTP proxy on loopback: it takes CONNECT, and leads everybody to one receiver."""

from __future__ import annotations

import asyncio
from typing import cast

from ringback.testing import settle

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


class FakeProxy:
    """Answers CONNECT as it is told; where that is a 2xx, passes bytes on to the port."""

    def __init__(self, port: int, *, answer: bytes | None = OPEN) -> None:
        self._port = port
        self._answer = answer  # None: never
        self.requests: list[list[str]] = []
        self.transports: list[asyncio.Transport] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> FakeProxy:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ProxyClient(self), "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        for transport in self.transports:
            transport.abort()
        await settle()

    async def lead(self, http_client: _ProxyClient) -> None:
        """Answer the CONNECT, and join the two ends if it is granted."""
        if self._answer is None:
            return
        if self._answer.startswith(b"HTTP/1.1 2"):
            loop = asyncio.get_running_loop()
            other, _ = await loop.create_connection(
                lambda: _Receiver(self, http_client), "127.0.0.1", self._port
            )
            http_client.other = other
            http_client.transport.write(self._answer)
        else:
            http_client.transport.write(self._answer)
            http_client.transport.close()


class _End(asyncio.Protocol):
    """One end of a way through; what comes in here goes out at the other."""

    other: asyncio.Transport | None = None

    def __init__(self, proxy: FakeProxy) -> None:
        self._proxy = proxy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._proxy.transports.append(self.transport)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.close()


class _Receiver(_End):
    def __init__(self, proxy: FakeProxy, http_client: _ProxyClient) -> None:
        super().__init__(proxy)
        self.other = http_client.transport


class _ProxyClient(_End):
    _head = b""

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._proxy.requests.append(self._head.decode().split("\r\n")[:-2])
            self._leading = asyncio.get_running_loop().create_task(self._proxy.lead(self))
