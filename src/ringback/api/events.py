"""``/events``: the feed, page by page, waited for, or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api import queries
from ringback.api.answers import encode, ok
from ringback.api.cursors import pack, unpack
from ringback.api.delivery_documents import event_document
from ringback.api.headers import RequestHeaders, headers_of
from ringback.api.waiting import while_heard
from ringback.clock import Clock
from ringback.errors import TooManyStreams
from ringback.service.feed import EventFeed
from ringback.webhooks.desk import FeedItem

STREAMS_MAX = 20
"""Streams that one workspace may have open."""
STREAM_S_MAX = 900.0
"""How long a stream lasts; its reader comes back with ``Last-Event-ID``."""
HEARTBEAT_S = 15.0
_RETRY_AFTER_S = 10
_SEND_S_MAX = 30.0  # a reader that takes nothing for so long has gone
_AT_ONCE = 100

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]


class EventRoutes:
    """The route of the feed."""

    def __init__(self, feed: EventFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._open: Counter[str] = Counter()

    async def list_events(self, request: Request, workspace_id: str) -> ASGIApp:
        """Answer with the events after a cursor, at once, when there are any, or one by one."""
        headers = headers_of(request.scope)
        query = request.query_params
        after = query.get("after")
        if b"text/event-stream" in (headers.any(b"accept") or b"").lower():
            seq = await self._place(_last_event_id(headers) or after, workspace_id)
            if self._open[workspace_id] >= STREAMS_MAX:
                raise TooManyStreams(STREAMS_MAX, retry_after_s=_RETRY_AFTER_S)
            return _Stream(self._feed, self._clock, self._open, workspace_id, seq)
        limit = queries.limit(query)
        wait_s = queries.wait_s(query) or 0
        seq = await self._place(after, workspace_id)
        found = await while_heard(
            self._feed.after(workspace_id, seq=seq, limit=limit, wait_s=wait_s),
            receive=request.receive,
        )
        return ok(
            {
                "items": [event_document(item) for item in found],
                "next_cursor": pack(found[-1].event.seq if found else seq),
            }
        )

    async def _place(self, cursor: str | None, workspace_id: str) -> int:
        if not cursor:
            return 0
        if cursor == "latest":
            return await self._feed.latest(workspace_id)
        return unpack(cursor, name="after")


def _last_event_id(headers: RequestHeaders) -> str | None:
    value = headers.any(b"last-event-id")
    return None if value is None else value.decode("latin-1")


class _Stream:
    """Server-sent events, until the reader or the server goes, or the stream's time is over."""

    def __init__(
        self,
        feed: EventFeed,
        clock: Clock,
        open_counts: Counter[str],
        workspace_id: str,
        seq: int,
    ) -> None:
        self._feed = feed
        self._clock = clock
        self._open = open_counts
        self._workspace_id = workspace_id
        self._seq = seq

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        self._open[self._workspace_id] += 1
        try:
            await send(start)
            await while_heard(self._tell(send), receive=receive)
        finally:
            self._open[self._workspace_id] -= 1
            if not self._open[self._workspace_id]:
                del self._open[self._workspace_id]

    async def _tell(self, send: Send) -> None:
        deadline = self._clock.monotonic() + STREAM_S_MAX
        await _send(send, b"retry: 1000\n\n")
        while not self._feed.is_ending and (left_s := deadline - self._clock.monotonic()) > 0:
            found = await self._feed.after(
                self._workspace_id,
                seq=self._seq,
                limit=_AT_ONCE,
                wait_s=min(HEARTBEAT_S, left_s),
            )
            if found:
                await _send(send, b"".join(map(_frame, found)))
                self._seq = found[-1].event.seq
            elif not self._feed.is_ending:
                await _send(send, b": still here\n\n")
        await send({"type": "http.response.body", "body": b""})


def _frame(item: FeedItem) -> bytes:
    document = event_document(item)
    # JSON has no line breaks that are not escaped, so one data line holds it.
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        document["cursor"].encode(),
        item.event.type.encode(),
        encode(document),
    )


async def _send(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(_SEND_S_MAX):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
