"""``/events``: the feed, page by page, waited for, or as a stream of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api import queries
from ringback.api.answers import ok
from ringback.api.cursors import pack, unpack
from ringback.api.delivery_documents import event_document
from ringback.api.headers import RequestHeaders, headers_of
from ringback.api.streams import HEARTBEAT_S, Streams, frame, wants_stream
from ringback.api.waiting import while_heard
from ringback.service.feed import EventFeed
from ringback.webhooks.desk import FeedItem

_AT_ONCE = 100


class EventRoutes:
    """The route of the feed."""

    def __init__(self, feed: EventFeed, streams: Streams) -> None:
        self._feed = feed
        self._streams = streams

    async def list_events(self, request: Request, workspace_id: str) -> ASGIApp:
        """Answer with the events after a cursor, at once, when there are any, or one by one."""
        headers = headers_of(request.scope)
        query = request.query_params
        after = query.get("after")
        if wants_stream(headers):
            seq = await self._place(_last_event_id(headers) or after, workspace_id)
            return self._streams.open(workspace_id, self._frames(workspace_id, seq))
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

    async def _frames(self, workspace_id: str, seq: int) -> AsyncIterator[bytes]:
        while not self._feed.is_ending:
            found = await self._feed.after(
                workspace_id, seq=seq, limit=_AT_ONCE, wait_s=HEARTBEAT_S
            )
            if found:
                seq = found[-1].event.seq
            yield b"".join(map(_frame, found))

    async def _place(self, cursor: str | None, workspace_id: str) -> int:
        if not cursor:
            return 0
        if cursor == "latest":
            return await self._feed.latest(workspace_id)
        return unpack(cursor, name="after")


def _last_event_id(headers: RequestHeaders) -> str | None:
    value = headers.any(b"last-event-id")
    return None if value is None else value.decode("latin-1")


def _frame(item: FeedItem) -> bytes:
    document = event_document(item)
    return frame(item.event.type, document, cursor=document["cursor"])
