"""Deliveries: the log, one delivery down to its bytes, and many of them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.types import ASGIApp

from ringback.api.chores import RATE
from ringback.api.cursors import pack, unpack
from ringback.api.deliveries import delivery_filter
from ringback.api.streams import Streams
from ringback.dashboard.exchange import exchange_of, headers_in
from ringback.dashboard.gallery import SINCE_S
from ringback.dashboard.job import changes
from ringback.dashboard.live import Look, Seen, Watches
from ringback.dashboard.snippets import curl_of_delivery
from ringback.dashboard.visit import Visit
from ringback.egress.answer import Reason
from ringback.errors import ChoreNotFound, DeliveryNotFound, InvalidRequest
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import DeliveryDesk
from ringback.service.secrets import KeyDesk
from ringback.webhooks.desk import Chore, DeliveryFilter
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.rotation import endpoint_owner, workspace_owner
from ringback.wire.document import iso_time

PAGE = 50
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_FILTERS = ("status", "reason", "event", "destination", "job_id", "endpoint_id", "since")
_ATTEMPTS_SHOWN = 30


class DeliveryViews:
    """The pages of deliveries and of the chores on many of them."""

    def __init__(
        self,
        deliveries: DeliveryDesk,
        chores: ChoreDesk,
        keys: KeyDesk,
        watches: Watches,
        streams: Streams,
    ) -> None:
        self._desk = deliveries
        self._chores = chores
        self._keys = keys
        self._watches = watches
        self._streams = streams

    async def listed(self, visit: Visit) -> ASGIApp:
        """Show a page of deliveries, newest first."""
        cursor = visit.query.get("cursor")
        page = await self._desk.list_deliveries(
            _wanted(visit.query, visit),
            limit=PAGE,
            before_seq=None if cursor is None else unpack(cursor, name="cursor"),
        )
        filters = {name: visit.query[name] for name in _FILTERS if name in visit.query}
        further = None
        if page.next_seq is not None:
            further = f"/ui/deliveries?{urlencode({**filters, 'cursor': pack(page.next_seq)})}"
        return visit.page(
            "deliveries.html",
            deliveries=page.items,
            filters=filters,
            next_path=further,
            is_first=cursor is None,
            statuses=list(DeliveryStatus),
            reasons=list(Reason),
            events=list(EventType),
            since=list(SINCE_S),
            chores=[_progress(one) for one in await self._chores.list_chores(visit.workspace_id)][
                :3
            ],
            rate=RATE,
        )

    async def stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when the newest deliveries have changed."""
        workspace_id = visit.workspace_id

        async def look() -> Seen:
            page = await self._desk.list_deliveries(
                DeliveryFilter(workspace_id=workspace_id), limit=PAGE
            )
            return Seen(tuple((one.delivery_id, one.status, one.epoch) for one in page.items))

        frames = changes(self._watches, ("deliveries", workspace_id), look)
        return self._streams.open(workspace_id, frames)

    async def delivery(self, visit: Visit) -> ASGIApp:
        """Show one delivery: why it is where it is, and every attempt as bytes."""
        delivery = await self._delivery(visit)
        attempts = await self._desk.attempts_of(delivery)
        endpoint_id = delivery.endpoint_id
        owner = endpoint_owner(endpoint_id) if endpoint_id else workspace_owner(visit.workspace_id)
        keys = await self._keys.opened(owner)
        exchanges = [exchange_of(delivery, one, keys) for one in attempts[-_ATTEMPTS_SHOWN:]]
        lines = headers_in(attempts[-1].request_headers) if attempts else []
        return visit.page(
            "delivery.html",
            delivery=delivery,
            exchanges=list(reversed(exchanges)),
            explanation=await self._desk.explain(
                delivery.delivery_id, workspace_id=visit.workspace_id
            ),
            curl=curl_of_delivery(
                delivery.url,
                lines or [("content-type", "application/json")],
                delivery.body.decode(),
            ),
        )

    async def delivery_stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when the delivery has changed."""
        delivery = await self._delivery(visit)

        async def look() -> Seen:
            now = await self._desk.get(delivery.delivery_id, workspace_id=delivery.workspace_id)
            return Seen((now.status, now.epoch))

        frames = changes(self._watches, ("delivery", delivery.delivery_id), look)
        return self._streams.open(visit.workspace_id, frames)

    async def redeliver(self, visit: Visit) -> ASGIApp:
        """Begin the delivery's schedule anew."""
        delivery = await self._delivery(visit)
        await self._desk.redeliver(delivery.delivery_id, workspace_id=visit.workspace_id)
        return visit.go(f"/ui/deliveries/{delivery.delivery_id}", done="redelivered")

    async def cancel(self, visit: Visit) -> ASGIApp:
        """End the delivery."""
        delivery = await self._delivery(visit)
        await self._desk.cancel(delivery.delivery_id, workspace_id=visit.workspace_id)
        return visit.go(f"/ui/deliveries/{delivery.delivery_id}", done="cancelled")

    async def redeliver_many(self, visit: Visit) -> ASGIApp:
        """Begin a chore that sends again what the form's filters find."""
        given = {name: text for name in _FILTERS if (text := visit.field(name))}
        if not given:
            raise InvalidRequest(visit.words("deliveries.say_which"))
        given.setdefault("status", DeliveryStatus.EXHAUSTED.value)
        chore = await self._chores.redeliver(
            _wanted(given, visit), workspace_id=visit.workspace_id, rate=RATE
        )
        return visit.go(f"/ui/chores/{chore.chore_id}")

    async def chore(self, visit: Visit) -> ASGIApp:
        """Show how far a chore is."""
        return visit.page("chore.html", chore=_progress(await self._chore(visit)))

    async def chore_stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when a chore is further."""
        chore = await self._chore(visit)
        frames = changes(self._watches, ("chore", chore.chore_id), self._chore_look(chore))
        return self._streams.open(visit.workspace_id, frames)

    async def cancel_chore(self, visit: Visit) -> ASGIApp:
        """End a chore where it stands."""
        chore = await self._chore(visit)
        await self._chores.cancel(chore.chore_id, workspace_id=visit.workspace_id)
        return visit.go(f"/ui/chores/{chore.chore_id}", done="stopped")

    def _chore_look(self, chore: Chore) -> Look:
        async def look() -> Seen:
            now = await self._chores.get(chore.chore_id, workspace_id=chore.workspace_id)
            return Seen((now.cursor, now.done_count, now.ended_at_ms))

        return look

    async def _delivery(self, visit: Visit) -> Delivery:
        delivery_id: str = visit.request.path_params["delivery_id"].lower()
        if not _ID.fullmatch(delivery_id):
            raise DeliveryNotFound
        return await self._desk.get(delivery_id, workspace_id=visit.workspace_id)

    async def _chore(self, visit: Visit) -> Chore:
        chore_id: str = visit.request.path_params["chore_id"].lower()
        if not _ID.fullmatch(chore_id):
            raise ChoreNotFound
        return await self._chores.get(chore_id, workspace_id=visit.workspace_id)


def _progress(chore: Chore) -> tuple[Chore, float]:
    """Return a chore and how much of the log it has looked at, of 1."""
    length = chore.last_seq - chore.first_seq
    done = 1.0 if length <= 0 else (chore.cursor - chore.first_seq) / length
    return chore, 1.0 if chore.ended_at_ms is not None and not chore.cancelled else done


def _wanted(query: Mapping[str, str], visit: Visit) -> DeliveryFilter:
    known = {name: query[name] for name in _FILTERS if name in query}
    if (since := known.pop("since", None)) in SINCE_S:
        known["since"] = iso_time(visit.now_ms - SINCE_S[str(since)] * 1000)
    return delivery_filter(known, workspace_id=visit.workspace_id)
