"""``/events``: the feed by pages, by long polling, or as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api.documents.deliveries import EventDocument, EventsDocument, event_document
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import limit_of, wait_for
from ringback.http import query_params
from ringback.http.event_streams import HEARTBEAT_S, Streams, frame, wants_stream
from ringback.http.feed_cursors import FeedCursors
from ringback.http.headers import RequestHeaders, headers_of
from ringback.http.long_poll import while_connected
from ringback.http.responses import ok
from ringback.service.feed import EventFeed
from ringback.webhooks.store import FeedItem

_BATCH_MAX = 100

OPERATIONS = OperationTable("Events")


class EventRoutes:
    """The route of the feed."""

    def __init__(self, feed: EventFeed, streams: Streams, cursors: FeedCursors) -> None:
        self._feed = feed
        self._cursors = cursors
        self._streams = streams

    @OPERATIONS(
        "GET /events",
        "Read the feed of events",
        EventsDocument,
        answer="Events, in the order of their commits.",
        stream=True,
        refusals={429: "The workspace has too many streams open."},
        description="With `Accept: text/event-stream` the response is a stream of server-sent "
        "events.",
        query=[
            Parameter(
                name="after",
                description="The cursor to go on from; `latest` is the newest event.",
            ),
            wait_for("an event"),
            limit_of("items"),
        ],
    )
    async def list_events(self, request: Request, workspace_id: str) -> ASGIApp:
        """Return the events after a cursor: at once, after a wait, or as a stream."""
        headers = headers_of(request.scope)
        query = request.query_params
        after = query.get("after")
        if wants_stream(headers):
            seq = await self._position(_last_event_id(headers) or after, workspace_id)
            return self._streams.open(workspace_id, self._frames(workspace_id, seq))
        limit = query_params.limit(query)
        wait_s = query_params.wait_s(query) or 0
        seq = await self._position(after, workspace_id)
        found = await while_connected(
            self._feed.after(workspace_id, seq=seq, limit=limit, wait_s=wait_s),
            receive=request.receive,
        )
        return ok(
            EventsDocument(
                items=[self._document(item, workspace_id) for item in found],
                next_cursor=self._cursor(found[-1].event.seq if found else seq, workspace_id),
            )
        )

    async def _frames(self, workspace_id: str, seq: int) -> AsyncIterator[bytes]:
        while not self._feed.is_ending:
            found = await self._feed.after(
                workspace_id, seq=seq, limit=_BATCH_MAX, wait_s=HEARTBEAT_S
            )
            if found:
                seq = found[-1].event.seq
            documents = [self._document(item, workspace_id) for item in found]
            yield b"".join(frame(one.type, one, cursor=one.cursor) for one in documents)

    def _document(self, item: FeedItem, workspace_id: str) -> EventDocument:
        return event_document(item, cursor=self._cursor(item.event.seq, workspace_id))

    def _cursor(self, seq: int, workspace_id: str) -> str:
        return self._cursors.seal(seq, of="events", workspace_id=workspace_id)

    async def _position(self, cursor: str | None, workspace_id: str) -> int:
        if not cursor:
            return 0
        if cursor == "latest":
            return await self._feed.latest(workspace_id)
        return self._cursors.unseal(cursor, of="events", workspace_id=workspace_id, name="after")


def _last_event_id(headers: RequestHeaders) -> str | None:
    value = headers.any(b"last-event-id")
    return None if value is None else value.decode("latin-1")
