"""Pages of destinations: their health, and forms that pause, resume and drain them."""

from __future__ import annotations

from urllib.parse import urlencode

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.api.documents.bulk_operations import RATE
from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.charts import Charts, charts_of
from ringback.egress.url import MalformedTarget
from ringback.errors import DestinationNotFound
from ringback.service.bulk_operations import BulkOperationService
from ringback.service.deliveries import COUNTED_MAX, DeliveryService
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.model import Delivery, DeliveryStatus, Destination
from ringback.webhooks.store import DeliveryFilter

PAGE = 20
_LATEST_IN_LIST = 30  # deliveries whose attempts are drawn
_LATEST = 200
_HEALTHY_RATE = 0.95
_RECOVERING = 3  # successes in a row after which a destination is getting better


class Health(Struct, frozen=True, kw_only=True):
    """A destination with the count of its waiting deliveries and charts of its latest attempts."""

    destination: Destination
    waiting: int
    charts: Charts | None

    @property
    def state(self) -> str:
        """Return the health, as a key of the translations.

        A pause and an open breaker come first; else it is what the latest attempts say.
        """
        if self.destination.paused_at_ms is not None:
            return "paused"
        if not self.destination.breaker.is_closed:
            return "probing" if self.destination.breaker.flying else "open"
        if self.charts is None:
            return "untried"
        if self.charts.rate >= _HEALTHY_RATE:
            return "closed"
        if self.charts.good == 0:
            return "failing"
        return "recovering" if self.charts.good_in_a_row >= _RECOVERING else "unsteady"


class DestinationViews:
    """The pages of destinations."""

    def __init__(
        self,
        deliveries: DeliveryService,
        bulk_operations: BulkOperationService,
        live: LivePages,
    ) -> None:
        self._deliveries = deliveries
        self._bulk_operations = bulk_operations
        self._live = live

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show the workspace's destinations and their health."""
        after = request.query.get("after", "")
        found = await self._deliveries.list_destinations(
            request.workspace_id, limit=PAGE + 1, after_origin=after
        )
        shown = [await self._health(*one, count=_LATEST_IN_LIST) for one in found[:PAGE]]
        next_path = None
        if len(found) > PAGE:
            next_path = f"/ui/destinations?{urlencode({'after': found[PAGE - 1][0].origin})}"
        return request.page(
            "destinations.html", healths=shown, next_path=next_path, counted_max=COUNTED_MAX
        )

    async def one(self, request: PageRequest) -> ASGIApp:
        """Show one destination with its latest deliveries."""
        origin = _origin(request.query.get("at", ""))
        health = await self._health(*await self._destination(request, origin), count=_LATEST)
        latest = await self._latest(request.workspace_id, origin, limit=10)
        return request.page(
            "destination.html", health=health, deliveries=latest, counted_max=COUNTED_MAX
        )

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when a destination of the workspace has changed."""
        workspace_id = request.workspace_id

        async def query() -> Snapshot:
            found = await self._deliveries.list_destinations(workspace_id, limit=PAGE)
            newest = await self._deliveries.list_deliveries(
                DeliveryFilter(workspace_id=workspace_id), limit=PAGE
            )
            epochs = tuple((one.delivery_id, one.epoch) for one in newest.items)
            return Snapshot(
                (
                    tuple(
                        (one.origin, one.breaker, one.paused_at_ms, count) for one, count in found
                    ),
                    epochs,
                )
            )

        return self._live.open_changes(workspace_id, ("destinations", workspace_id), query)

    async def pause(self, request: PageRequest) -> ASGIApp:
        """Pause a destination: nothing is sent to it until it is resumed."""
        return await self._set_paused(request, paused=True)

    async def resume(self, request: PageRequest) -> ASGIApp:
        """Resume a paused destination."""
        return await self._set_paused(request, paused=False)

    async def drain(self, request: PageRequest) -> ASGIApp:
        """Begin a bulk operation that discards the deliveries waiting for a destination."""
        origin = _origin(request.field("at"))
        await self._destination(request, origin)
        waiting = DeliveryFilter(
            workspace_id=request.workspace_id, destination=origin, status=DeliveryStatus.WAITING
        )
        bulk_operation = await self._bulk_operations.discard(
            waiting, workspace_id=request.workspace_id, rate=RATE
        )
        return request.redirect(f"/ui/bulk-operations/{bulk_operation.bulk_operation_id}")

    async def _set_paused(self, request: PageRequest, *, paused: bool) -> ASGIApp:
        origin = _origin(request.field("at"))
        await self._deliveries.pause(origin, workspace_id=request.workspace_id, paused=paused)
        path = f"/ui/destinations/one?{urlencode({'at': origin})}"
        return request.redirect(path, done="paused" if paused else "resumed")

    async def _destination(self, request: PageRequest, origin: str) -> tuple[Destination, int]:
        return await self._deliveries.destination(origin, workspace_id=request.workspace_id)

    async def _health(self, destination: Destination, waiting: int, *, count: int) -> Health:
        latest = await self._latest(destination.workspace_id, destination.origin, limit=count)
        of_each = await self._deliveries.attempts_of_each(
            [one for one in latest if one.attempts_count]
        )
        attempts = [attempt for some in of_each for attempt in some]
        return Health(destination=destination, waiting=waiting, charts=charts_of(attempts))

    async def _latest(self, workspace_id: str, origin: str, *, limit: int) -> tuple[Delivery, ...]:
        to_origin = DeliveryFilter(workspace_id=workspace_id, destination=origin)
        return (await self._deliveries.list_deliveries(to_origin, limit=limit)).items


def _origin(text: str) -> str:
    try:
        return origin_of(text)
    except MalformedTarget as exc:
        raise DestinationNotFound from exc
