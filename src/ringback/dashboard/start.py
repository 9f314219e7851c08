"""The first-run page, from nothing to a received webhook, and the emulator's inbox."""

from __future__ import annotations

from starlette.types import ASGIApp

from ringback.api.streams import Streams
from ringback.dashboard.exchange import shown
from ringback.dashboard.job import changes
from ringback.dashboard.live import Seen, Watches
from ringback.dashboard.snippets import submission
from ringback.dashboard.visit import Visit
from ringback.errors import RouteNotFound
from ringback.inbox import Inbox
from ringback.jobs.queue import JobFilter
from ringback.service import Service

_EXAMPLE = {"prompt": "a serene mountain landscape at sunset", "width": 1024, "height": 576}
_PATH = "/generate/image/bfl/flux-1-dev"
ANSWERS = (204, 500, 503, 410)


class StartViews:
    """The pages of the first minutes."""

    def __init__(
        self, service: Service, inbox: Inbox | None, watches: Watches, streams: Streams
    ) -> None:
        self._service = service
        self._inbox = inbox
        self._watches = watches
        self._streams = streams

    async def home(self, visit: Visit) -> ASGIApp:
        """Go to the jobs, or to the first steps where there are none."""
        return visit.go("/ui/jobs" if await self._newest(visit) else "/ui/start")

    async def start(self, visit: Visit) -> ASGIApp:
        """Show the first steps, and which of them are done."""
        newest = await self._newest(visit)
        kept = self._inbox.kept(visit.workspace_id) if self._inbox else []
        url = (
            self._inbox.url_of(visit.workspace_id)
            if self._inbox
            else "https://shop.example/webhook"
        )
        return visit.page(
            "start.html",
            newest=newest[0] if newest else None,
            kept=kept,
            webhook_url=url,
            has_inbox=self._inbox is not None,
            example=_EXAMPLE,
            snippets=submission(
                visit.base_url,
                _PATH,
                _EXAMPLE,
                headers={"X-Webhook-URL": url},
                token=visit.workspace_id if visit.is_dev else None,
            ),
        )

    async def inbox(self, visit: Visit) -> ASGIApp:
        """Show what the inbox has taken."""
        inbox = self._known_inbox()
        kept = inbox.kept(visit.workspace_id)
        return visit.page(
            "inbox.html",
            kept=[(one, shown(one.body)) for one in kept],
            url=inbox.url_of(visit.workspace_id),
            answer=inbox.answer_of(visit.workspace_id),
            answers=ANSWERS,
        )

    async def answer(self, visit: Visit) -> ASGIApp:
        """Have the inbox answer otherwise from now on."""
        status = visit.field("answer")
        if status not in map(str, ANSWERS):
            raise RouteNotFound("There is no such answer.")
        self._known_inbox().answer_with(visit.workspace_id, int(status))
        return visit.go("/ui/inbox", done="changed")

    async def stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when a webhook or a job has come."""
        workspace_id, inbox = visit.workspace_id, self._inbox

        async def look() -> Seen:
            newest = await self._service.list_jobs(JobFilter(workspace_id=workspace_id, limit=1))
            jobs = tuple((job.job_id, job.status) for job in newest)
            kept = inbox.kept(workspace_id) if inbox else []
            return Seen((jobs, len(kept), kept[0].received_at_ms if kept else 0))

        frames = changes(self._watches, ("start", workspace_id), look)
        return self._streams.open(workspace_id, frames)

    async def _newest(self, visit: Visit) -> list[object]:
        wanted = JobFilter(workspace_id=visit.workspace_id, limit=1)
        return list(await self._service.list_jobs(wanted))

    def _known_inbox(self) -> Inbox:
        if self._inbox is None:
            raise RouteNotFound("There is no such page.")
        return self._inbox
