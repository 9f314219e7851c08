"""Pages of the delivery log, of one delivery with its attempts, and of bulk operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlencode

from starlette.types import ASGIApp

from ringback.api.documents.bulk_operations import RATE
from ringback.api.routes.deliveries import before_seq, delivery_filter
from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.pages.gallery import SINCE_S
from ringback.dashboard.presenters.delivery_rows import rows_of
from ringback.dashboard.presenters.histogram import histogram_of
from ringback.dashboard.presenters.http_transcript import parse_headers, transcript_of
from ringback.dashboard.presenters.snippets import curl_of_delivery
from ringback.egress.answer import Reason
from ringback.errors import (
    BulkOperationNotFound,
    DeliveryConflict,
    DeliveryNotFound,
    FieldError,
    InvalidRequest,
)
from ringback.http.feed_cursors import FeedCursors
from ringback.service.activity import ActivityService
from ringback.service.bulk_operations import BulkOperationService
from ringback.service.deliveries import DeliveryService
from ringback.service.secrets import SigningKeyService
from ringback.signing.rotation import endpoint_owner, workspace_owner
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.store import BulkOperation, DeliveryFilter
from ringback.wire.document import iso_time

PAGE = 50
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_FILTERS = ("status", "reason", "event", "destination", "job_id", "endpoint_id", "since")
_ATTEMPTS_SHOWN = 30
_COUNT = re.compile(r"\d{1,4}", re.ASCII)
CHOSEN_MAX = 200
"""Deliveries that one form may choose."""


class DeliveryViews:
    """The pages of deliveries and of the bulk operations on many of them."""

    def __init__(
        self,
        deliveries: DeliveryService,
        bulk_operations: BulkOperationService,
        keys: SigningKeyService,
        live: LivePages,
        cursors: FeedCursors,
        activity: ActivityService,
    ) -> None:
        self._activity = activity
        self._cursors = cursors
        self._deliveries = deliveries
        self._bulk_operations = bulk_operations
        self._keys = keys
        self._live = live

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show a page of deliveries, newest first, or the one whose id was searched for."""
        if text := request.query.get("id"):
            return await self._found(request, text)
        page = await self._deliveries.list_deliveries(
            _filter(request.query, request),
            limit=PAGE,
            before_seq=before_seq(request.query, self._cursors, workspace_id=request.workspace_id),
        )
        filters = {name: request.query[name] for name in _FILTERS if name in request.query}
        is_first = "cursor" not in request.query
        day = await self._activity.deliveries(request.workspace_id) if is_first else None
        next_path = None
        if page.next_seq is not None:
            cursor = self._cursors.seal(
                page.next_seq, of="deliveries", workspace_id=request.workspace_id
            )
            next_path = f"/ui/deliveries?{urlencode({**filters, 'cursor': cursor})}"
        return request.page(
            "deliveries.html",
            notice=_chosen_notice(request),
            rows=rows_of(
                page.items,
                jobs=await self._activity.jobs_of(page.items),
                status_codes=await self._activity.status_codes(page.items),
            ),
            day=day,
            histogram=histogram_of(day.hours, now_ms=request.now_ms) if day else None,
            filters=filters,
            next_path=next_path,
            is_first=is_first,
            statuses=list(DeliveryStatus),
            reasons=list(Reason),
            events=list(EventType),
            since=list(SINCE_S),
            bulk_operations=[
                _progress(one)
                for one in await self._bulk_operations.list_bulk_operations(request.workspace_id)
            ][:3],
            rate=RATE,
        )

    async def _found(self, request: PageRequest, text: str) -> ASGIApp:
        """Redirect to the delivery of that id, or to the deliveries of that job or endpoint."""
        match = _ID.search(text.lower())
        if match is None:
            message = request.translations("deliveries.no_id")
            raise InvalidRequest(message, [FieldError("query:id", message)])
        with suppress(DeliveryNotFound):
            found = await self._deliveries.get(match[0], workspace_id=request.workspace_id)
            return request.redirect(f"/ui/deliveries/{found.delivery_id}")
        of_endpoint = DeliveryFilter(workspace_id=request.workspace_id, endpoint_id=match[0])
        page = await self._deliveries.list_deliveries(of_endpoint, limit=1)
        kind = "endpoint_id" if page.items else "job_id"
        return request.redirect(f"/ui/deliveries?{urlencode({kind: match[0]})}")

    async def act_on_chosen(self, request: PageRequest) -> ASGIApp:
        """Redeliver or cancel the deliveries that the form names, each by its own operation."""
        ids = [one.lower() for one in dict.fromkeys(request.form.get("chosen", []))]
        if not ids or len(ids) > CHOSEN_MAX or not all(map(_ID.fullmatch, ids)):
            raise InvalidRequest(request.translations("deliveries.choose", most=CHOSEN_MAX))
        action = "cancel" if request.field("action") == "cancel" else "redeliver"
        service = self._deliveries
        operation = service.cancel if action == "cancel" else service.redeliver
        done = 0
        for one in ids:
            with suppress(DeliveryConflict, DeliveryNotFound):
                await operation(one, workspace_id=request.workspace_id)
                done += 1
        filters = {name: text for name in _FILTERS if (text := request.field(name))}
        counts = {"chosen": action, "count": done, "refused": len(ids) - done}
        return request.redirect(f"/ui/deliveries?{urlencode({**filters, **counts})}")

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when the newest deliveries have changed."""
        workspace_id = request.workspace_id

        async def query() -> Snapshot:
            page = await self._deliveries.list_deliveries(
                DeliveryFilter(workspace_id=workspace_id), limit=PAGE
            )
            return Snapshot(tuple((one.delivery_id, one.status, one.epoch) for one in page.items))

        return self._live.open_changes(workspace_id, ("deliveries", workspace_id), query)

    async def delivery(self, request: PageRequest) -> ASGIApp:
        """Show one delivery: the reason for its status, and every attempt with its bytes."""
        delivery = await self._delivery(request)
        attempts = await self._deliveries.attempts_of(delivery)
        endpoint_id = delivery.endpoint_id
        owner = (
            endpoint_owner(endpoint_id) if endpoint_id else workspace_owner(request.workspace_id)
        )
        keys = await self._keys.opened(owner)
        transcripts = [transcript_of(delivery, one, keys) for one in attempts[-_ATTEMPTS_SHOWN:]]
        headers = parse_headers(attempts[-1].request_headers) if attempts else []
        return request.page(
            "delivery.html",
            delivery=delivery,
            transcripts=list(reversed(transcripts)),
            explanation=await self._deliveries.explain(
                delivery.delivery_id, workspace_id=request.workspace_id
            ),
            curl=curl_of_delivery(
                delivery.url,
                headers or [("content-type", "application/json")],
                delivery.body.decode(),
            ),
        )

    async def delivery_stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when the delivery has changed."""
        delivery = await self._delivery(request)

        async def query() -> Snapshot:
            now = await self._deliveries.get(
                delivery.delivery_id, workspace_id=delivery.workspace_id
            )
            return Snapshot((now.status, now.epoch))

        return self._live.open_changes(
            request.workspace_id, ("delivery", delivery.delivery_id), query
        )

    async def redeliver(self, request: PageRequest) -> ASGIApp:
        """Redeliver: begin another round of attempts."""
        delivery = await self._delivery(request)
        await self._deliveries.redeliver(delivery.delivery_id, workspace_id=request.workspace_id)
        return request.redirect(f"/ui/deliveries/{delivery.delivery_id}", done="redelivered")

    async def cancel(self, request: PageRequest) -> ASGIApp:
        """Cancel the delivery."""
        delivery = await self._delivery(request)
        await self._deliveries.cancel(delivery.delivery_id, workspace_id=request.workspace_id)
        return request.redirect(f"/ui/deliveries/{delivery.delivery_id}", done="cancelled")

    async def redeliver_many(self, request: PageRequest) -> ASGIApp:
        """Begin a bulk operation that redelivers all deliveries that the form's filters find."""
        filters = {name: text for name in _FILTERS if (text := request.field(name))}
        if not filters:
            raise InvalidRequest(request.translations("deliveries.choose_filter"))
        filters.setdefault("status", DeliveryStatus.EXHAUSTED.value)
        bulk_operation = await self._bulk_operations.redeliver(
            _filter(filters, request), workspace_id=request.workspace_id, rate=RATE
        )
        return request.redirect(f"/ui/bulk-operations/{bulk_operation.bulk_operation_id}")

    async def bulk_operation(self, request: PageRequest) -> ASGIApp:
        """Show the progress of a bulk operation."""
        return request.page(
            "bulk_operation.html", bulk_operation=_progress(await self._bulk_operation(request))
        )

    async def bulk_operation_stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when a bulk operation has progressed."""
        bulk_operation = await self._bulk_operation(request)
        bulk_operation_id = bulk_operation.bulk_operation_id

        async def query() -> Snapshot:
            now = await self._bulk_operations.get(
                bulk_operation_id, workspace_id=bulk_operation.workspace_id
            )
            return Snapshot((now.cursor, now.done_count, now.ended_at_ms))

        return self._live.open_changes(
            request.workspace_id, ("bulk_operation", bulk_operation_id), query
        )

    async def cancel_bulk_operation(self, request: PageRequest) -> ASGIApp:
        """Cancel a bulk operation; deliveries that it has processed stay processed."""
        bulk_operation = await self._bulk_operation(request)
        await self._bulk_operations.cancel(
            bulk_operation.bulk_operation_id, workspace_id=request.workspace_id
        )
        return request.redirect(
            f"/ui/bulk-operations/{bulk_operation.bulk_operation_id}", done="stopped"
        )

    async def _delivery(self, request: PageRequest) -> Delivery:
        delivery_id: str = request.path_params["delivery_id"].lower()
        if not _ID.fullmatch(delivery_id):
            raise DeliveryNotFound
        return await self._deliveries.get(delivery_id, workspace_id=request.workspace_id)

    async def _bulk_operation(self, request: PageRequest) -> BulkOperation:
        bulk_operation_id: str = request.path_params["bulk_operation_id"].lower()
        if not _ID.fullmatch(bulk_operation_id):
            raise BulkOperationNotFound
        return await self._bulk_operations.get(bulk_operation_id, workspace_id=request.workspace_id)


def _chosen_notice(request: PageRequest) -> str | None:
    """Return the outcomes of the chosen deliveries, as the redirect counts them."""
    action, count = request.query.get("chosen"), request.query.get("count", "")
    refused = request.query.get("refused", "")
    is_ours = _COUNT.fullmatch(count) and _COUNT.fullmatch(refused)
    if action not in ("redeliver", "cancel") or not is_ours:
        return None
    t = request.translations
    done = t.counted(f"deliveries.chosen_{action}", int(count))
    return done if refused == "0" else f"{done} {t.counted('deliveries.refused', int(refused))}"


def _progress(bulk_operation: BulkOperation) -> tuple[BulkOperation, float]:
    """Return a bulk operation and the share of the delivery log that it has processed, up to 1."""
    length = bulk_operation.last_seq - bulk_operation.first_seq
    done = 1.0 if length <= 0 else (bulk_operation.cursor - bulk_operation.first_seq) / length
    return (
        bulk_operation,
        1.0 if bulk_operation.ended_at_ms is not None and not bulk_operation.cancelled else done,
    )


def _filter(query: Mapping[str, str], request: PageRequest) -> DeliveryFilter:
    known = {name: query[name] for name in _FILTERS if name in query}
    if (since := known.pop("since", None)) in SINCE_S:
        known["since"] = iso_time(request.now_ms - SINCE_S[str(since)] * 1000)
    return delivery_filter(known, workspace_id=request.workspace_id)
