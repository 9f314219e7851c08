"""A road between two servers on which requests and answers get lost, by chance from a seed."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from random import Random
from socket import SO_LINGER, SOL_SOCKET

from ringback.clock import SystemClock
from ringback.testing import respond

FAULTS = ("refuse", "swallow", "cut", "late", "broken", "busy", "throttle", "undone", "junk")
"""What happens to a request: turned away unread; carried, and its answer lost, cut short or late;
answered by the road itself with 500, 503 or 429; carried, and answered with 502 or a web page."""
LATE_S = 3.0


class Road:
    """Carries requests to a port, one connection each; ``share`` of them meet a fault."""

    def __init__(self, port: int, *, seed: int, share: float) -> None:
        self._to = port
        self._rng = Random(seed)
        self.share = share
        self.met: Counter[str] = Counter()
        self._clock = SystemClock()
        self._server: asyncio.Server | None = None
        self._travellers: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Road:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for traveller in list(self._travellers):
            traveller.cancel()
        await asyncio.gather(*self._travellers, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._travellers.add(task)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side left: that is what roads are like
        finally:
            self._travellers.discard(task)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
                answer = await self._asked(request)
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

    async def _asked(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()

    def _fault(self, head: bytes) -> str | None:
        if self._rng.random() >= self.share:
            return None
        fault = self._rng.choice(FAULTS)
        if fault == "junk" and head.startswith(b"GET /artifacts/"):
            return None  # a file that is not the file is the provider's result, whatever it is
        self.met[fault] += 1
        return fault


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
