"""``/deliveries`` and ``/destinations``: the log, redelivery, and pauses of destinations."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from ringback.api.documents.deliveries import (
    DeliveryDocument,
    DeliveryPageDocument,
    DestinationDocument,
    DestinationPageDocument,
    DestinationRequest,
    ExplanationDocument,
    WholeDeliveryDocument,
    delivery_document,
    destination_document,
    explanation_document,
    whole_delivery_document,
)
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import NEXT, TIME, UUID, limit_of
from ringback.egress.answer import Reason
from ringback.egress.url import MalformedTarget
from ringback.errors import DeliveryNotFound, FieldError, InvalidRequest
from ringback.http import query_params
from ringback.http.feed_cursors import FeedCursors
from ringback.http.json_bodies import JsonBody
from ringback.http.pagination import invalid_parameter, time_ms
from ringback.http.path_params import uuid_in
from ringback.http.responses import JsonResponse, ok
from ringback.service.deliveries import DeliveryService
from ringback.webhooks.events import EventType
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import DeliveryFilter

_NAME = "[0-9A-Za-z_-]{1,80}"
_BODY_BYTES_MAX = 4_096
_DESTINATIONS_MAX = 100
_DESTINATION = JsonBody(
    DestinationRequest, {"destination": "https://shop.example"}, owner="a destination"
)
_ID = {"type": "string", "pattern": f"^{_NAME}$"}

DELIVERIES = OperationTable(
    "Deliveries",
    path_parameters=[
        Parameter(
            name="delivery_id", description="The delivery's id: its `webhook-id`.", schema=UUID
        )
    ],
)
DESTINATIONS = OperationTable("Deliveries")


class DeliveryRoutes:
    """The routes of the delivery log."""

    def __init__(self, service: DeliveryService, cursors: FeedCursors) -> None:
        self._service = service
        self._cursors = cursors

    @DELIVERIES(
        "GET /deliveries",
        "List deliveries",
        DeliveryPageDocument,
        description="Newest first. An item matches every parameter that is sent.",
        query=[
            Parameter(name="job_id", description="Of this job.", schema=_ID),
            Parameter(name="endpoint_id", description="To this endpoint.", schema=_ID),
            Parameter(name="destination", description="To this scheme, host and port."),
            Parameter(
                name="status",
                description="With this status.",
                schema={"type": "string", "enum": list(DeliveryStatus)},
            ),
            Parameter(
                name="reason",
                description="With this reason of the last failure, like `timeout`.",
            ),
            Parameter(name="event", description="Of this event, like `job.failed`."),
            Parameter(name="since", description="Made at this time or later.", schema=TIME),
            Parameter(name="before", description="Made before this time.", schema=TIME),
            NEXT,
            limit_of("items"),
        ],
    )
    async def list_deliveries(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a page of the workspace's deliveries, newest first."""
        query = request.query_params
        page = await self._service.list_deliveries(
            delivery_filter(query, workspace_id=workspace_id),
            limit=query_params.limit(query),
            before_seq=before_seq(query, self._cursors, workspace_id=workspace_id),
        )
        next_cursor = None
        if page.next_seq is not None:
            next_cursor = self._cursors.seal(
                page.next_seq, of="deliveries", workspace_id=workspace_id
            )
        return ok(
            DeliveryPageDocument(
                items=[delivery_document(delivery) for delivery in page.items],
                next_cursor=next_cursor,
            )
        )

    @DELIVERIES(
        "GET /deliveries/{delivery_id}",
        "Get a delivery and every attempt",
        WholeDeliveryDocument,
        errors=[404],
    )
    async def get_delivery(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return the delivery and every attempt."""
        delivery = await self._service.get(
            uuid_in(request, "delivery_id", DeliveryNotFound), workspace_id=workspace_id
        )
        return ok(whole_delivery_document(delivery, await self._service.attempts_of(delivery)))

    @DELIVERIES(
        "POST /deliveries/{delivery_id}/redeliver",
        "Deliver again",
        DeliveryDocument,
        errors=[404],
        refusals={409: "An attempt is in flight, or the endpoint is disabled or deleted."},
        description="The schedule begins again: same `webhook-id`, same bytes, new signature.",
    )
    async def redeliver(self, request: Request, workspace_id: str) -> JsonResponse:
        """Begin the delivery's schedule again."""
        delivery = await self._service.redeliver(
            uuid_in(request, "delivery_id", DeliveryNotFound), workspace_id=workspace_id
        )
        return ok(delivery_document(delivery))

    @DELIVERIES(
        "POST /deliveries/{delivery_id}/cancel",
        "Cancel a delivery",
        DeliveryDocument,
        name="cancel_delivery",
        errors=[404],
        refusals={409: "The delivery has ended."},
        description="An attempt that is in flight may still arrive.",
    )
    async def cancel(self, request: Request, workspace_id: str) -> JsonResponse:
        """End the delivery."""
        delivery = await self._service.cancel(
            uuid_in(request, "delivery_id", DeliveryNotFound), workspace_id=workspace_id
        )
        return ok(delivery_document(delivery))

    @DELIVERIES(
        "GET /deliveries/{delivery_id}/explain",
        "Explain why a delivery is where it is",
        ExplanationDocument,
        name="explain_delivery",
        errors=[404],
    )
    async def explain(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return why the delivery is where it is, and when it will move."""
        delivery_id = uuid_in(request, "delivery_id", DeliveryNotFound)
        explanation = await self._service.explain(delivery_id, workspace_id=workspace_id)
        return ok(explanation_document(delivery_id, explanation))


class DestinationRoutes:
    """The routes of destinations."""

    def __init__(self, service: DeliveryService) -> None:
        self._service = service

    @DESTINATIONS(
        "GET /destinations",
        "List destinations",
        DestinationPageDocument,
        description="At most 100 to a page.",
        query=[NEXT, limit_of("items")],
    )
    async def list_destinations(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a page of the workspace's destinations, by origin."""
        query = request.query_params
        limit = min(query_params.limit(query), _DESTINATIONS_MAX)
        found = await self._service.list_destinations(
            workspace_id, limit=limit + 1, after_origin=query.get("cursor", "")
        )
        page = found[:limit]
        return ok(
            DestinationPageDocument(
                items=[destination_document(*one) for one in page],
                next_cursor=page[-1][0].origin if len(found) > limit else None,
            )
        )

    @DESTINATIONS(
        "POST /destinations/pause",
        "Pause a destination",
        DestinationDocument,
        name="pause_destination",
        body=_DESTINATION,
        errors=[404],
        description="Nothing is sent to it until it is resumed.",
    )
    async def pause(self, request: Request, workspace_id: str) -> JsonResponse:
        """Send nothing to a destination until it is resumed."""
        return await self._switch(request, workspace_id, paused=True)

    @DESTINATIONS(
        "POST /destinations/resume",
        "Resume a destination",
        DestinationDocument,
        name="resume_destination",
        body=_DESTINATION,
        errors=[404],
    )
    async def resume(self, request: Request, workspace_id: str) -> JsonResponse:
        """Send to a destination again."""
        return await self._switch(request, workspace_id, paused=False)

    async def _switch(self, request: Request, workspace_id: str, *, paused: bool) -> JsonResponse:
        body = await _DESTINATION.read(request, bytes_max=_BODY_BYTES_MAX)
        try:
            origin = origin_of(body.destination)
        except MalformedTarget as exc:
            raise InvalidRequest(str(exc), [FieldError("/destination", str(exc))]) from exc
        return ok(
            destination_document(
                *await self._service.pause(origin, workspace_id=workspace_id, paused=paused)
            )
        )


def delivery_filter(query: Mapping[str, str], *, workspace_id: str | None) -> DeliveryFilter:
    """Return the filter of a query, or raise ``InvalidRequest`` naming the wrong parameter."""
    return DeliveryFilter(
        workspace_id=workspace_id,
        job_id=_name(query, "job_id"),
        endpoint_id=_name(query, "endpoint_id"),
        destination=_origin(query),
        status=query_params.one_of(query, "status", DeliveryStatus),
        reason=query_params.one_of(query, "reason", Reason),
        event=query_params.one_of(query, "event", EventType),
        since_ms=_time(query, "since"),
        before_ms=_time(query, "before"),
    )


def before_seq(query: Mapping[str, str], cursors: FeedCursors, *, workspace_id: str) -> int | None:
    """Return the position before which the page begins; None for the newest items."""
    cursor = query.get("cursor")
    if cursor is None:
        return None
    return cursors.unseal(cursor, of="deliveries", workspace_id=workspace_id, name="cursor")


def _name(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and not re.fullmatch(_NAME, text):
        raise invalid_parameter(name, "must be an id as this API gives them")
    return text


def _origin(query: Mapping[str, str]) -> str | None:
    text = query.get("destination")
    if text is None:
        return None
    try:
        return origin_of(text)
    except MalformedTarget as exc:
        raise invalid_parameter("destination", "must be like https://shop.example:443") from exc


def _time(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    return None if text is None else time_ms(text, name)
