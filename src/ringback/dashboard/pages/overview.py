"""The overview: a workspace's last day in a few figures, each a link to its page."""

from __future__ import annotations

from starlette.types import ASGIApp

from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.charts import percent_of
from ringback.dashboard.presenters.histogram import histogram_of
from ringback.jobs.model import JobStatus
from ringback.service.activity import ActivityService
from ringback.service.deliveries import DeliveryService
from ringback.webhooks.store import DeliveryFilter


class OverviewViews:
    """The overview and its event stream."""

    def __init__(
        self, activity: ActivityService, deliveries: DeliveryService, live: LivePages
    ) -> None:
        self._activity = activity
        self._deliveries = deliveries
        self._live = live

    async def overview(self, request: PageRequest) -> ASGIApp:
        """Show the figures of the last day."""
        overview = await self._activity.overview(request.workspace_id)
        jobs, day = overview.jobs, overview.deliveries
        completed, failed = jobs.get(JobStatus.COMPLETED, 0), jobs.get(JobStatus.FAILED, 0)
        return request.page(
            "overview.html",
            overview=overview,
            completed=completed,
            failed=failed,
            jobs_success=percent_of(completed, completed + failed),
            webhooks_success=percent_of(day.delivered, day.delivered + day.failed),
            histogram=histogram_of(day.hours, now_ms=request.now_ms),
            is_empty=not overview.jobs_count and not day.count and not overview.pending_count,
        )

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when jobs or deliveries have changed."""
        workspace_id = request.workspace_id

        async def query() -> Snapshot:
            newest = await self._deliveries.list_deliveries(
                DeliveryFilter(workspace_id=workspace_id), limit=20
            )
            epochs = tuple((one.delivery_id, one.epoch) for one in newest.items)
            return Snapshot((epochs, await self._activity.pending(workspace_id)))

        return self._live.open_changes(workspace_id, ("overview", workspace_id), query)
