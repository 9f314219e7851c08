"""``/deliveries`` and ``/destinations``: the log, doing it again, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from ringback.api import queries
from ringback.api.answers import Answer, ok
from ringback.api.bodies import read_object
from ringback.api.cursors import pack, time_ms, unpack
from ringback.api.delivery_documents import (
    delivery_document,
    destination_document,
    explanation_document,
    whole_delivery_document,
)
from ringback.api.headers import headers_of
from ringback.egress.answer import Reason
from ringback.egress.url import MalformedTarget
from ringback.errors import DeliveryNotFound, FieldError, InvalidRequest
from ringback.service.deliveries import DeliveryDesk
from ringback.webhooks.desk import DeliveryFilter
from ringback.webhooks.events import EventType
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.model import DeliveryStatus

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
_BODY_BYTES_MAX = 4_096
_DESTINATIONS_MAX = 100
_LIKE = '{"destination": "https://shop.example"}'


class DeliveryRoutes:
    """The routes of the delivery log."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk

    async def list_deliveries(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a page of the workspace's deliveries, newest first."""
        query = request.query_params
        page = await self._desk.list_deliveries(
            delivery_filter(query, workspace_id=workspace_id),
            limit=queries.limit(query),
            before_seq=_before_seq(query),
        )
        return ok(
            {
                "items": [delivery_document(delivery) for delivery in page.items],
                "next_cursor": None if page.next_seq is None else pack(page.next_seq),
            }
        )

    async def get_delivery(self, request: Request, workspace_id: str) -> Answer:
        """Answer with the delivery and every attempt."""
        delivery = await self._desk.get(_delivery_id(request), workspace_id=workspace_id)
        return ok(whole_delivery_document(delivery, await self._desk.attempts_of(delivery)))

    async def redeliver(self, request: Request, workspace_id: str) -> Answer:
        """Begin the delivery's schedule anew."""
        delivery = await self._desk.redeliver(_delivery_id(request), workspace_id=workspace_id)
        return ok(delivery_document(delivery))

    async def cancel(self, request: Request, workspace_id: str) -> Answer:
        """End the delivery."""
        delivery = await self._desk.cancel(_delivery_id(request), workspace_id=workspace_id)
        return ok(delivery_document(delivery))

    async def explain(self, request: Request, workspace_id: str) -> Answer:
        """Answer why the delivery is where it is, and when it will move."""
        delivery_id = _delivery_id(request)
        explanation = await self._desk.explain(delivery_id, workspace_id=workspace_id)
        return ok(explanation_document(delivery_id, explanation))


class DestinationRoutes:
    """The routes of destinations."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk

    async def list_destinations(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a page of the workspace's destinations, by origin."""
        query = request.query_params
        limit = min(queries.limit(query), _DESTINATIONS_MAX)
        found = await self._desk.list_destinations(
            workspace_id, limit=limit + 1, after_origin=query.get("cursor", "")
        )
        page = found[:limit]
        return ok(
            {
                "items": [destination_document(*one) for one in page],
                "next_cursor": page[-1][0].origin if len(found) > limit else None,
            }
        )

    async def pause(self, request: Request, workspace_id: str) -> Answer:
        """Send nothing to a destination until it is resumed."""
        return await self._switch(request, workspace_id, paused=True)

    async def resume(self, request: Request, workspace_id: str) -> Answer:
        """Send to a destination again."""
        return await self._switch(request, workspace_id, paused=False)

    async def _switch(self, request: Request, workspace_id: str, *, paused: bool) -> Answer:
        headers = headers_of(request.scope)
        body = await read_object(headers, request.receive, _BODY_BYTES_MAX, like=_LIKE)
        origin = body.get("destination")
        if not isinstance(origin, str) or len(body) != 1:
            sentence = f"The body must be like {_LIKE}."
            raise InvalidRequest(sentence, [FieldError("/destination", sentence)])
        try:
            origin = origin_of(origin)
        except MalformedTarget as exc:
            raise InvalidRequest(str(exc), [FieldError("/destination", str(exc))]) from exc
        return ok(
            destination_document(
                *await self._desk.pause(origin, workspace_id=workspace_id, paused=paused)
            )
        )


def delivery_filter(query: Mapping[str, str], *, workspace_id: str | None) -> DeliveryFilter:
    """Return which deliveries are asked for, or raise ``InvalidRequest`` naming the parameter."""
    return DeliveryFilter(
        workspace_id=workspace_id,
        job_id=_name(query, "job_id"),
        endpoint_id=_name(query, "endpoint_id"),
        destination=_origin(query),
        status=queries.one_of(query, "status", DeliveryStatus),
        reason=queries.one_of(query, "reason", Reason),
        event=queries.one_of(query, "event", EventType),
        since_ms=_time(query, "since"),
        before_ms=_time(query, "before"),
    )


def _before_seq(query: Mapping[str, str]) -> int | None:
    cursor = query.get("cursor")
    return None if cursor is None else unpack(cursor, name="cursor")


def _delivery_id(request: Request) -> str:
    delivery_id: str = request.path_params["delivery_id"].lower()
    if not _ID.fullmatch(delivery_id):
        raise DeliveryNotFound
    return delivery_id


def _name(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and not _NAME.fullmatch(text):
        raise queries.invalid(name, "must be an id as this API gives them")
    return text


def _origin(query: Mapping[str, str]) -> str | None:
    text = query.get("destination")
    if text is None:
        return None
    try:
        return origin_of(text)
    except MalformedTarget as exc:
        raise queries.invalid("destination", "must be like https://shop.example:443") from exc


def _time(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    return None if text is None else time_ms(text, name)
