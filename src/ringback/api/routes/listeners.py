"""``/webhooks/listeners``: programs that receive deliveries over a connection that they opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api.documents.deliveries import HandedDeliveryDocument, text_of
from ringback.api.documents.endpoint_requests import LISTENER, endpoint_changes
from ringback.api.documents.endpoints import (
    EndpointDocument,
    NewEndpointDocument,
    endpoint_document,
    new_endpoint_document,
)
from ringback.api.documents.fields import Empty
from ringback.api.documents.listener_requests import (
    ANSWER_BYTES_MAX,
    LISTENER_NAME,
    REPORT,
    DeliveryReportRequest,
    ReportedDocument,
    read_name,
    reported_document,
)
from ringback.api.operations import OperationTable, Parameter, Response
from ringback.api.services import ApiServices
from ringback.catalogue.violations import invalid
from ringback.errors import FieldError
from ringback.http.event_streams import Streams, frame, wants_stream
from ringback.http.headers import headers_of, invalid_header
from ringback.http.query_params import count
from ringback.http.responses import JsonResponse, encode, ok
from ringback.service.listeners import AT_ONCE_MAX, HandedDelivery
from ringback.webhooks.endpoints import Endpoint

_AT_ONCE = 8
_CLOCK_SKEW_S = 60  # tolerated beyond the lease

OPERATIONS = OperationTable(
    "Endpoints",
    path_parameters=[
        Parameter(
            name="name",
            description="The listener's name: 1 to 64 letters, digits, and `._@-` inside.",
            schema={"type": "string", "pattern": f"^{LISTENER_NAME}$"},
        )
    ],
)


class ListenerRoutes:
    """The routes of listeners."""

    def __init__(self, services: ApiServices, streams: Streams) -> None:
        self._service = services.listeners
        self._endpoints = services.endpoints
        self._listening = services.listening
        self._streams = streams
        self._models = services.catalogue.ids
        self._body_bytes_max = services.settings.body_bytes_max

    @OPERATIONS(
        "PUT /webhooks/listeners/{name}",
        "Create or change a listener",
        EndpointDocument,
        answer="The listener as it now is.",
        name="open_listener",
        also=[
            Response(
                description="A new listener; only this response shows its secret.",
                content={"application/json": NewEndpointDocument},
                status=201,
            )
        ],
        body=LISTENER,
        errors=[400],
        refusals={409: "The workspace has too many endpoints."},
        description="An endpoint without a URL: a program takes its deliveries.",
    )
    async def open(self, request: Request, workspace_id: str) -> JsonResponse:
        """Create or change the listener of that name; a new one comes with its secret."""
        name = _name(request)
        body = await LISTENER.read(request, bytes_max=self._body_bytes_max)
        listener, secret = await self._service.open(
            name, endpoint_changes(body, models=self._models), workspace_id=workspace_id
        )
        if secret is None:
            return ok(await endpoint_document(listener, self._endpoints))
        document = await new_endpoint_document(listener, self._endpoints, secret=secret)
        return JsonResponse(201, encode(document))

    @OPERATIONS(
        "DELETE /webhooks/listeners/{name}",
        "Delete a listener",
        Empty,
        answer="The listener is deleted; its deliveries stay in the log.",
        name="forget_listener",
        errors=[400, 404],
    )
    async def forget(self, request: Request, workspace_id: str) -> JsonResponse:
        """Delete a listener."""
        await self._service.forget(_name(request), workspace_id=workspace_id)
        return ok(Empty())

    @OPERATIONS(
        "GET /webhooks/listeners/{name}/deliveries",
        "Take a listener's deliveries",
        None,
        answer="Signed deliveries, one by one.",
        name="listen",
        stream=True,
        errors=[404],
        refusals={
            409: "The listener is disabled.",
            429: "The workspace has too many streams open.",
        },
        description="A stream of server-sent events; it needs `Accept: text/event-stream`. The "
        "program holds each `delivery` until it reports the answer, or until the lease ends.",
        query=[
            Parameter(
                name="at_once",
                description="The largest number of deliveries that the program holds at once.",
                schema={
                    "type": "integer",
                    "minimum": 1,
                    "maximum": AT_ONCE_MAX,
                    "default": _AT_ONCE,
                },
            )
        ],
    )
    async def stream(self, request: Request, workspace_id: str) -> ASGIApp:
        """Hand out the listener's deliveries while the program stays connected."""
        if not wants_stream(headers_of(request.scope)):
            raise invalid_header("accept", "must be text/event-stream: this route is a stream")
        at_once = count(request.query_params, "at_once", default=_AT_ONCE, most=AT_ONCE_MAX)
        listener = await self._service.hear(_name(request), workspace_id=workspace_id)
        return self._streams.open(workspace_id, self._frames(listener, at_once))

    @OPERATIONS(
        "POST /webhooks/listeners/{name}/answers",
        "Report the answer to a delivery",
        ReportedDocument,
        answer="The attempt is in the log.",
        name="answer_delivery",
        body=REPORT,
        errors=[404],
        refusals={409: "The report came too late and changed nothing."},
    )
    async def answer(self, request: Request, workspace_id: str) -> JsonResponse:
        """Record the result of a delivery that was handed out to a program."""
        report = await REPORT.read(request, bytes_max=ANSWER_BYTES_MAX)
        answer = None if report.untried else report.answer()
        delivery = await self._service.held_delivery(
            report.delivery_id.lower(),
            name=_name(request),
            epoch=report.epoch,
            workspace_id=workspace_id,
        )
        if answer is None:
            await self._service.give_back(delivery)
            return ok(reported_document(delivery, recorded=False))
        after = await self._service.answer(
            delivery,
            answer,
            signed_at_ms=self._signed_at_ms(report),
            duration_ms=round(min(report.duration_ms, self._service.lease_s * 1000)),
        )
        return ok(reported_document(after, recorded=True))

    def _signed_at_ms(self, report: DeliveryReportRequest) -> int:
        """Return when the program's request was signed, for the log, which shows the request."""
        late_s = abs(self._service.receivers_now_ms() / 1000 - report.webhook_timestamp)
        if late_s > self._service.lease_s + _CLOCK_SKEW_S:
            message = "must be that of the request that was posted"
            raise invalid([FieldError("/webhook_timestamp", message)])
        return report.webhook_timestamp * 1000

    async def _frames(self, listener: Endpoint, at_once: int) -> AsyncIterator[bytes]:
        about = {
            "listener": listener.listener,
            "events": listener.events,
            "models": listener.models,
            "at_once": at_once,
            "timeout_s": self._service.timeout_s,
        }
        yield frame("listening", about)
        async for handed in self._listening.hand_out(listener, at_once=at_once):
            yield b"".join(frame("delivery", self._document(one)) for one in handed)

    def _document(self, handed: HandedDelivery) -> HandedDeliveryDocument:
        delivery, posted = handed.delivery, handed.request
        body, encoding = text_of(posted.body)  # the lab may cut it inside a character
        return HandedDeliveryDocument(
            delivery_id=delivery.delivery_id,
            epoch=delivery.epoch,
            event=delivery.event,
            job_id=delivery.job_id or None,
            attempt=delivery.attempts_count + 1,
            webhook_timestamp=posted.signed_at_ms // 1000,
            timeout_s=self._service.timeout_s,
            copies=posted.copies,
            at_once=posted.at_once,
            headers=[[name.decode(), value.decode("latin-1")] for name, value in posted.headers],
            body=body,
            body_encoding=encoding,
        )


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return read_name(name)
