"""Server-sent events: who may have how many streams open, and how long one lasts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.answers import encode
from ringback.api.headers import RequestHeaders
from ringback.api.waiting import while_heard
from ringback.clock import Clock
from ringback.errors import TooManyStreams

STREAMS_MAX = 20
"""Streams that one workspace may have open."""
STREAM_S_MAX = 900.0
"""How long a stream lasts; its reader comes back."""
HEARTBEAT_S = 15.0
"""How long nothing is said at most."""
_RETRY_AFTER_S = 10
_SEND_S_MAX = 30.0  # a reader that takes nothing for so long has gone

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]


def wants_stream(headers: RequestHeaders) -> bool:
    """Say whether a request asks for server-sent events."""
    return b"text/event-stream" in (headers.any(b"accept") or b"").lower()


def frame(event: str, document: dict[str, Any], *, cursor: str | None = None) -> bytes:
    """Return one server-sent event; the reader comes back with the cursor."""
    place = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    # JSON has no line breaks that are not escaped, so one data line holds it.
    return b"%bevent: %b\ndata: %b\n\n" % (place, event.encode(), encode(document))


class Streams:
    """Opens streams, so many per workspace."""

    def __init__(self, clock: Clock, *, streams_max: int = STREAMS_MAX) -> None:
        self._clock = clock
        self._streams_max = streams_max
        self._open: Counter[str] = Counter()

    def open(self, workspace_id: str, frames: AsyncIterator[bytes]) -> ASGIApp:
        """Return the answer that sends these frames, or raise ``TooManyStreams``.

        An empty frame says that nothing came for a while.
        """
        if self._open[workspace_id] >= self._streams_max:
            raise TooManyStreams(self._streams_max, retry_after_s=_RETRY_AFTER_S)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
            self._open[workspace_id] += 1
            try:
                await send(start)
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b""})
                else:
                    await while_heard(self._tell(frames, send), receive=receive)
            finally:
                self._open[workspace_id] -= 1
                if not self._open[workspace_id]:
                    del self._open[workspace_id]

        return answer

    async def _tell(self, frames: AsyncIterator[bytes], send: Send) -> None:
        deadline = self._clock.monotonic() + STREAM_S_MAX
        await _send(send, b"retry: 1000\n\n")
        async with aclosing(cast("Any", frames)):
            async for said in frames:
                await _send(send, said or b": still here\n\n")
                if self._clock.monotonic() >= deadline:
                    break
        await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(_SEND_S_MAX):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
