"""``/webhooks/listeners``: programs that take deliveries away over a connection of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api.answers import Answer, encode, ok
from ringback.api.bodies import read_object, read_optional_object
from ringback.api.delivery_documents import delivery_document, text_of
from ringback.api.deps import ApiDeps
from ringback.api.endpoint_bodies import read_wish
from ringback.api.endpoints import endpoint_document
from ringback.api.headers import headers_of, invalid_header
from ringback.api.listener_bodies import ANSWER_BYTES_MAX, Report, read_name, read_report
from ringback.api.queries import count
from ringback.api.streams import Streams, frame, wants_stream
from ringback.errors import FieldError, InvalidRequest
from ringback.service.endpoints import EndpointWish
from ringback.service.listeners import AT_ONCE_MAX, Handed
from ringback.webhooks.endpoints import Endpoint

_WISH_LIKE = '{"events": ["job.completed"]}'
_REPORT_LIKE = (
    '{"delivery_id": "…", "epoch": 1, "webhook_timestamp": 1795445535, "status_code": 204}'
)
_AT_ONCE = 8
_CLOCKS_DIFFER_S = 60  # beside the lease, between signing and its report


class ListenerRoutes:
    """The routes of listeners."""

    def __init__(self, deps: ApiDeps, streams: Streams) -> None:
        self._desk = deps.listeners
        self._endpoints = deps.endpoints
        self._listening = deps.listening
        self._streams = streams
        self._models = deps.catalogue.ids
        self._body_bytes_max = deps.settings.body_bytes_max

    async def open(self, request: Request, workspace_id: str) -> Answer:
        """Make the listener of that name, or make it as wished; a new one's secret is shown."""
        name = _name(request)
        wish = await self._wish(request)
        listener, secret = await self._desk.open(name, wish, workspace_id=workspace_id)
        document = await endpoint_document(listener, self._endpoints)
        if secret is None:
            return ok(document)
        return Answer(201, encode({**document, "secret": secret}))

    async def forget(self, request: Request, workspace_id: str) -> Answer:
        """Forget a listener."""
        await self._desk.forget(_name(request), workspace_id=workspace_id)
        return ok({})

    async def stream(self, request: Request, workspace_id: str) -> ASGIApp:
        """Hand out the listener's deliveries, one by one, for as long as the program is there."""
        if not wants_stream(headers_of(request.scope)):
            raise invalid_header("accept", "must be text/event-stream: this route is a stream")
        at_once = count(request.query_params, "at_once", default=_AT_ONCE, most=AT_ONCE_MAX)
        listener = await self._desk.hear(_name(request), workspace_id=workspace_id)
        return self._streams.open(workspace_id, self._frames(listener, at_once))

    async def answer(self, request: Request, workspace_id: str) -> Answer:
        """Record what became of a delivery in a program's hands."""
        report = read_report(
            await read_object(
                headers_of(request.scope), request.receive, ANSWER_BYTES_MAX, like=_REPORT_LIKE
            )
        )
        answer = None if report.untried else report.answer()
        delivery = await self._desk.in_hands(
            report.delivery_id.lower(),
            name=_name(request),
            epoch=report.epoch,
            workspace_id=workspace_id,
        )
        if answer is None:
            await self._desk.give_back(delivery)
            return ok({**delivery_document(delivery), "recorded": False})
        after = await self._desk.answer(
            delivery,
            answer,
            signed_at_ms=self._signed_at_ms(report),
            duration_ms=round(min(report.duration_ms, self._desk.lease_s * 1000)),
        )
        return ok({**delivery_document(after), "recorded": True})

    def _signed_at_ms(self, report: Report) -> int:
        """Return when the program's request was signed: the log shows the request anew."""
        late_s = abs(self._desk.receivers_now_ms() / 1000 - report.webhook_timestamp)
        if late_s > self._desk.lease_s + _CLOCKS_DIFFER_S:
            message = "must be that of the request that was posted"
            raise InvalidRequest(
                f"webhook_timestamp {message}.", [FieldError("/webhook_timestamp", message)]
            )
        return report.webhook_timestamp * 1000

    async def _wish(self, request: Request) -> EndpointWish:
        body = await read_optional_object(
            headers_of(request.scope), request.receive, self._body_bytes_max, like=_WISH_LIKE
        )
        return read_wish(body, is_new=False, models=self._models, judge_url=None)

    async def _frames(self, listener: Endpoint, at_once: int) -> AsyncIterator[bytes]:
        about = {
            "listener": listener.listener,
            "events": listener.events,
            "models": listener.models,
            "at_once": at_once,
            "timeout_s": self._desk.timeout_s,
        }
        yield frame("listening", about)
        async for handed in self._listening.handed_out(listener, at_once=at_once):
            yield b"".join(frame("delivery", self._document(one)) for one in handed)

    def _document(self, handed: Handed) -> dict[str, Any]:
        delivery, parcel = handed.delivery, handed.parcel
        body, encoding = text_of(parcel.body)  # the lab cuts it wherever it likes
        return {
            "delivery_id": delivery.delivery_id,
            "epoch": delivery.epoch,
            "event": delivery.event,
            "job_id": delivery.job_id or None,
            "attempt": delivery.attempts_count + 1,
            "webhook_timestamp": parcel.signed_at_ms // 1000,
            "timeout_s": self._desk.timeout_s,
            "copies": parcel.copies,
            "at_once": parcel.at_once,
            "headers": [(name.decode(), value.decode("latin-1")) for name, value in parcel.headers],
            "body": body,
            "body_encoding": encoding,
        }


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return read_name(name)
