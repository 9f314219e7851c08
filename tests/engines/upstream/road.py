"""A lossy proxy between two servers: it loses requests and responses at random, from a seed."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from contextlib import suppress
from random import Random
from socket import SO_LINGER, SOL_SOCKET

from ringback.clock import SystemClock
from ringback.testing import respond

FAULTS = ("refuse", "swallow", "cut", "late", "broken", "busy", "throttle", "undone", "junk")
"""The fate of a request: refused unread; forwarded with its response lost, cut short or late;
answered by the proxy with 500, 503 or 429; forwarded and answered with 502 or a web page."""
LATE_S = 3.0


class LossyProxy:
    """Forwards requests to a port, one connection each; ``share`` of them meet a fault."""

    def __init__(self, port: int, *, seed: int, share: float) -> None:
        self._to = port
        self._rng = Random(seed)
        self.share = share
        self.met: Counter[str] = Counter()
        self._clock = SystemClock()
        self._server: asyncio.Server | None = None
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> LossyProxy:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._is_closed = True
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._is_closed:  # accepted just before
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side closed the connection, as in real networks
        finally:
            await _close(writer)
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line[:15] == b"content-length:"
            ),
            0,
        )
        request = head[:-2] + b"connection: close\r\n\r\n" + await reader.readexactly(length)
        fault = self._fault(head)
        match fault:
            case "refuse":
                _reset(writer)
                return
            case "broken":
                answer = respond(500, body=b"oops")
            case "busy":
                answer = respond(503)
            case "throttle":
                answer = respond(429, headers=[("retry-after", "1")])
            case _:
                answer = await self._exchange(request)
        match fault:
            case "swallow":
                _reset(writer)
                return
            case "cut":
                answer = answer[: len(answer) * 2 // 3]
            case "late":
                await self._clock.sleep(LATE_S)
            case "undone":
                answer = respond(502, body=b"bad gateway")
            case "junk":
                answer = respond(200, body=b"<html>please wait</html>")
        writer.write(answer)
        await writer.drain()

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read(-1)
        finally:
            await _close(writer)

    def _fault(self, head: bytes) -> str | None:
        if self._rng.random() >= self.share:
            return None
        fault = self._rng.choice(FAULTS)
        if fault == "junk" and head.startswith(b"GET /artifacts/"):
            return None  # junk in place of a file would be stored as the result
        self.met[fault] += 1
        return fault


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
