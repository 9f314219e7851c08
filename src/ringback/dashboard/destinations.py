"""Destinations: how each fares, and pausing, resuming and draining them."""

from __future__ import annotations

from urllib.parse import urlencode

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.api.chores import RATE
from ringback.api.streams import Streams
from ringback.dashboard.job import changes
from ringback.dashboard.live import Seen, Watches
from ringback.dashboard.plots import Plots, plots_of
from ringback.dashboard.visit import Visit
from ringback.egress.url import MalformedTarget
from ringback.errors import DestinationNotFound
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import COUNTED_MAX, DeliveryDesk
from ringback.webhooks.desk import DeliveryFilter
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination

PAGE = 20
_LATEST_OF_EACH = 30
_LATEST = 200


class Health(Struct, frozen=True, kw_only=True):
    """A destination, what waits there, and its latest attempts drawn."""

    destination: Destination
    waiting: int
    plots: Plots | None

    @property
    def state(self) -> str:
        """Return how it is dealt with now: one word of the catalogue."""
        if self.destination.paused_at_ms is not None:
            return "paused"
        if self.destination.breaker.is_closed:
            return "closed"
        return "probing" if self.destination.breaker.flying else "open"


class DestinationViews:
    """The pages of where webhooks go."""

    def __init__(
        self, desk: DeliveryDesk, chores: ChoreDesk, watches: Watches, streams: Streams
    ) -> None:
        self._desk = desk
        self._chores = chores
        self._watches = watches
        self._streams = streams

    async def listed(self, visit: Visit) -> ASGIApp:
        """Show the workspace's destinations and how each fares."""
        after = visit.query.get("after", "")
        found = await self._desk.list_destinations(
            visit.workspace_id, limit=PAGE + 1, after_origin=after
        )
        shown = [await self._health(*one, count=_LATEST_OF_EACH) for one in found[:PAGE]]
        further = None
        if len(found) > PAGE:
            further = f"/ui/destinations?{urlencode({'after': found[PAGE - 1][0].origin})}"
        return visit.page(
            "destinations.html", healths=shown, next_path=further, counted_max=COUNTED_MAX
        )

    async def one(self, visit: Visit) -> ASGIApp:
        """Show one destination in full."""
        origin = _origin(visit.query.get("at", ""))
        health = await self._health(*await self._known(visit, origin), count=_LATEST)
        latest = await self._latest(visit.workspace_id, origin, limit=10)
        return visit.page(
            "destination.html", health=health, deliveries=latest, counted_max=COUNTED_MAX
        )

    async def stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when a destination of the workspace has changed."""
        workspace_id = visit.workspace_id

        async def look() -> Seen:
            found = await self._desk.list_destinations(workspace_id, limit=PAGE)
            newest = await self._desk.list_deliveries(
                DeliveryFilter(workspace_id=workspace_id), limit=PAGE
            )
            epochs = tuple((one.delivery_id, one.epoch) for one in newest.items)
            return Seen(
                (
                    tuple(
                        (one.origin, one.breaker, one.paused_at_ms, count) for one, count in found
                    ),
                    epochs,
                )
            )

        frames = changes(self._watches, ("destinations", workspace_id), look)
        return self._streams.open(workspace_id, frames)

    async def pause(self, visit: Visit) -> ASGIApp:
        """Send nothing there until it is resumed."""
        return await self._switch(visit, paused=True)

    async def resume(self, visit: Visit) -> ASGIApp:
        """Send there again."""
        return await self._switch(visit, paused=False)

    async def drain(self, visit: Visit) -> ASGIApp:
        """Discard what waits there, by a chore."""
        origin = _origin(visit.field("at"))
        await self._known(visit, origin)
        wanted = DeliveryFilter(
            workspace_id=visit.workspace_id, destination=origin, status=DeliveryStatus.WAITING
        )
        chore = await self._chores.discard(wanted, workspace_id=visit.workspace_id, rate=RATE)
        return visit.go(f"/ui/chores/{chore.chore_id}")

    async def _switch(self, visit: Visit, *, paused: bool) -> ASGIApp:
        origin = _origin(visit.field("at"))
        await self._desk.pause(origin, workspace_id=visit.workspace_id, paused=paused)
        path = f"/ui/destinations/one?{urlencode({'at': origin})}"
        return visit.go(path, done="paused" if paused else "resumed")

    async def _known(self, visit: Visit, origin: str) -> tuple[Destination, int]:
        return await self._desk.destination(origin, workspace_id=visit.workspace_id)

    async def _health(self, destination: Destination, waiting: int, *, count: int) -> Health:
        latest = await self._latest(destination.workspace_id, destination.origin, limit=count)
        attempts: list[Attempt] = []
        for delivery in latest:
            if delivery.attempts_count:
                attempts += await self._desk.attempts_of(delivery)
        return Health(destination=destination, waiting=waiting, plots=plots_of(attempts))

    async def _latest(self, workspace_id: str, origin: str, *, limit: int) -> tuple[Delivery, ...]:
        wanted = DeliveryFilter(workspace_id=workspace_id, destination=origin)
        return (await self._desk.list_deliveries(wanted, limit=limit)).items


def _origin(text: str) -> str:
    try:
        return origin_of(text)
    except MalformedTarget as exc:
        raise DestinationNotFound from exc
