"""The page of first steps, up to a received webhook, and the emulator's inbox."""

from __future__ import annotations

from starlette.types import ASGIApp

from ringback.dashboard.inbox import Inbox
from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.http_transcript import shown
from ringback.dashboard.presenters.receivers import RECEIVER_URL, commands, receivers
from ringback.dashboard.presenters.snippets import submission
from ringback.errors import RouteNotFound
from ringback.jobs.store import JobFilter
from ringback.service import JobService
from ringback.service.secrets import SigningKeyService
from ringback.signing.rotation import workspace_owner

_EXAMPLE = {"prompt": "a serene mountain landscape at sunset", "width": 1024, "height": 576}
_PATH = "/generate/image/bfl/flux-1-dev"
ANSWERS = (204, 500, 503, 410)


class FirstStepsViews:
    """The pages of the first steps and the inbox."""

    def __init__(
        self,
        service: JobService,
        inbox: Inbox | None,
        live: LivePages,
        keys: SigningKeyService,
    ) -> None:
        self._service = service
        self._keys = keys
        self._inbox = inbox
        self._live = live

    async def home(self, request: PageRequest) -> ASGIApp:
        """Redirect to the overview, or to the first steps while there are no jobs."""
        return request.redirect("/ui/overview" if await self._newest(request) else "/ui/start")

    async def start(self, request: PageRequest) -> ASGIApp:
        """Show the first steps, and which of them are done."""
        newest = await self._newest(request)
        kept = self._inbox.kept(request.workspace_id) if self._inbox else []
        url = (
            self._inbox.url_of(request.workspace_id)
            if self._inbox
            else "https://shop.example/webhook"
        )
        secret = None
        if request.is_dev:
            (secret, *_) = await self._keys.secrets_of(workspace_owner(request.workspace_id))
        token = request.workspace_id if request.is_dev else None
        return request.page(
            "start.html",
            receivers=receivers(),
            commands=commands(request.base_url, secret=secret, token=token),
            receiver_url=RECEIVER_URL,
            newest=newest[0] if newest else None,
            kept=kept,
            webhook_url=url,
            has_inbox=self._inbox is not None,
            example=_EXAMPLE,
            snippets=submission(
                request.base_url,
                _PATH,
                _EXAMPLE,
                headers={"X-Webhook-URL": url},
                token=token,
            ),
        )

    async def help(self, request: PageRequest) -> ASGIApp:
        """Show the help texts, with the words that the pages use."""
        return request.page("help.html", base_url=request.base_url)

    async def inbox(self, request: PageRequest) -> ASGIApp:
        """Show the webhooks that the inbox has received."""
        inbox = self._inbox_or_404()
        kept = inbox.kept(request.workspace_id)
        return request.page(
            "inbox.html",
            kept=[(one, shown(one.body)) for one in kept],
            ahead_ms=request.now_ms - inbox.now_ms(),  # the page's clock is the lab's
            url=inbox.url_of(request.workspace_id),
            answer=inbox.answer_of(request.workspace_id),
            answers=ANSWERS,
        )

    async def set_answer(self, request: PageRequest) -> ASGIApp:
        """Set the status with which the inbox answers from now on."""
        status = request.field("answer")
        if status not in map(str, ANSWERS):
            raise RouteNotFound("There is no such answer.")
        self._inbox_or_404().answer_with(request.workspace_id, int(status))
        return request.redirect("/ui/inbox", done="changed")

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when a webhook has been received or the newest job has changed."""
        workspace_id, inbox = request.workspace_id, self._inbox

        async def query() -> Snapshot:
            newest = await self._service.list_jobs(JobFilter(workspace_id=workspace_id, limit=1))
            jobs = tuple((job.job_id, job.status) for job in newest)
            kept = inbox.kept(workspace_id) if inbox else []
            return Snapshot((jobs, len(kept), kept[0].received_at_ms if kept else 0))

        return self._live.open_changes(workspace_id, ("start", workspace_id), query)

    async def _newest(self, request: PageRequest) -> list[object]:
        newest = JobFilter(workspace_id=request.workspace_id, limit=1)
        return list(await self._service.list_jobs(newest))

    def _inbox_or_404(self) -> Inbox:
        if self._inbox is None:
            raise RouteNotFound("There is no such page.")
        return self._inbox
