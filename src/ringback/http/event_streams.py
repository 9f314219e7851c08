"""Server-sent events, with limits on the streams of a workspace and on their duration."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.clock import Clock
from ringback.errors import TooManyStreams
from ringback.http.headers import RequestHeaders
from ringback.http.long_poll import while_connected
from ringback.http.responses import encode

STREAMS_MAX = 20
"""The largest number of open streams of one workspace."""
STREAM_S_MAX = 900.0
"""The duration of a stream; its reader connects again."""
HEARTBEAT_S = 15.0
"""The longest silence on a stream."""
_RETRY_AFTER_S = 10
_SEND_S_MAX = 30.0  # a reader that takes nothing for so long is disconnected

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]


def wants_stream(headers: RequestHeaders) -> bool:
    """Return whether a request accepts server-sent events."""
    return b"text/event-stream" in (headers.any(b"accept") or b"").lower()


def frame(event: str, document: Any, *, cursor: str | None = None) -> bytes:
    """Return one server-sent event; the cursor is its id, which a reader sends to go on."""
    event_id = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    # JSON escapes line breaks, so one data line is enough.
    return b"%bevent: %b\ndata: %b\n\n" % (event_id, event.encode(), encode(document))


class Streams:
    """Opens a limited number of streams for each workspace."""

    def __init__(self, clock: Clock, *, streams_max: int = STREAMS_MAX) -> None:
        self._clock = clock
        self._streams_max = streams_max
        self._open: Counter[str] = Counter()

    def open(self, workspace_id: str, frames: AsyncIterator[bytes]) -> ASGIApp:
        """Return the response that sends these frames, or raise ``TooManyStreams``.

        For an empty frame it sends a comment, which keeps the connection open.
        """
        if self._open[workspace_id] >= self._streams_max:
            raise TooManyStreams(self._streams_max, retry_after_s=_RETRY_AFTER_S)

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
            self._open[workspace_id] += 1
            try:
                await send(start)
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b""})
                else:
                    await while_connected(self._send_frames(frames, send), receive=receive)
            finally:
                self._open[workspace_id] -= 1
                if not self._open[workspace_id]:
                    del self._open[workspace_id]

        return respond

    async def _send_frames(self, frames: AsyncIterator[bytes], send: Send) -> None:
        deadline = self._clock.monotonic() + STREAM_S_MAX
        await _send(send, b"retry: 1000\n\n")
        async with aclosing(cast("Any", frames)):
            async for one in frames:
                await _send(send, one or b": still here\n\n")
                if self._clock.monotonic() >= deadline:
                    break
        await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(_SEND_S_MAX):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
