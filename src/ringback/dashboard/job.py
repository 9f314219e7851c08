"""A job: its pictures, what it was asked for, its timeline, and what can be done about it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.api.streams import Streams, frame
from ringback.apps.model import KIND as APP
from ringback.apps.model import version_id_of
from ringback.artifacts.contract import ArtifactStore
from ringback.catalogue.catalogue import Catalogue, Model
from ringback.dashboard.fields import elided, pictures_in
from ringback.dashboard.live import Look, Seen, Watches
from ringback.dashboard.pictures import Metadata, metadata_of
from ringback.dashboard.results import Result, facts_of, results_of
from ringback.dashboard.snippets import submission
from ringback.dashboard.timeline import timeline_of
from ringback.dashboard.visit import Visit
from ringback.errors import JobNotFound, ModelNotFound
from ringback.jobs.model import Job
from ringback.jobs.prompts import prompt_of
from ringback.service import Service
from ringback.service.deliveries import DeliveryDesk
from ringback.webhooks.desk import DeliveryFilter
from ringback.webhooks.model import Attempt, Delivery

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_DELIVERIES_MAX = 20
_ATTEMPTS_MAX = 60


class Picture(Struct, frozen=True, kw_only=True):
    """One result: where it is, and what its file says."""

    result: Result
    metadata: Metadata | None


class JobViews:
    """The pages of one job."""

    def __init__(
        self,
        service: Service,
        deliveries: DeliveryDesk,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        watches: Watches,
        streams: Streams,
    ) -> None:
        self._service = service
        self._deliveries = deliveries
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._watches = watches
        self._streams = streams

    async def job(self, visit: Visit) -> ASGIApp:
        """Show the job as it stands."""
        job = await self._job(visit)
        owed = await self._owed(job)
        attempts = [(one.delivery_id, attempt) for one, made in owed for attempt in made]
        model = self._model(job)
        webhook = {"X-Webhook-URL": job.webhook_url} if job.webhook_url else {}
        if job.webhook_url and job.webhook_events:
            webhook["X-Webhook-Events"] = ", ".join(job.webhook_events)
        token = visit.workspace_id if visit.is_dev else None
        asked = elided(job.input)
        results = results_of(job)
        return visit.page(
            "job.html",
            job=job,
            prompt=prompt_of(job.input),
            model=model,
            steps=await self._service.steps_of(job) if job.kind == APP else [],
            pictures=await self._pictures(results),
            poster=next((one.path for one in results if one.kind == "picture"), None),
            facts=facts_of(job),
            asked=asked,
            sources=list(pictures_in(model, job.input)) if model else [],
            owed=owed,
            timeline=timeline_of(job, attempts[:_ATTEMPTS_MAX], now_ms=visit.now_ms),
            snippets=submission(
                visit.base_url,
                _path_of(job),
                asked,
                headers=webhook,
                token=token,
            ),
        )

    async def cancel(self, visit: Visit) -> ASGIApp:
        """Cancel the job unless it has ended."""
        job = await self._job(visit)
        await self._service.cancel(job.job_id, workspace_id=visit.workspace_id)
        return visit.go(f"/ui/jobs/{job.job_id}", done="cancelled")

    async def stream(self, visit: Visit) -> ASGIApp:
        """Tell the page when the job, or what is owed of it, has changed."""
        job = await self._job(visit)
        frames = changes(self._watches, ("job", job.job_id), self._look(job))
        return self._streams.open(visit.workspace_id, frames)

    def _look(self, job: Job) -> Look:
        async def look() -> Seen:
            now = await self._service.get(job.job_id, workspace_id=job.workspace_id)
            page = await self._deliveries.list_deliveries(_of(job), limit=_DELIVERIES_MAX)
            owed = tuple((one.delivery_id, one.status, one.epoch) for one in page.items)
            return Seen((now.status, now.progress, now.result, owed))

        return look

    async def _owed(self, job: Job) -> list[tuple[Delivery, list[Attempt]]]:
        page = await self._deliveries.list_deliveries(_of(job), limit=_DELIVERIES_MAX)
        return [(one, await self._deliveries.attempts_of(one)) for one in page.items]

    async def _pictures(self, results: Sequence[Result]) -> list[Picture]:
        return list(await asyncio.gather(*(self._picture(one) for one in results)))

    async def _picture(self, result: Result) -> Picture:
        path = result.path if result.kind == "picture" else None
        kept = await self._artifacts.find(path.removeprefix("/artifacts/")) if path else None
        return Picture(
            result=result,
            metadata=await metadata_of(self._artifacts, kept) if kept else None,
        )

    def _model(self, job: Job) -> Model | None:
        try:
            return self._catalogue.find(job.kind, job.model)
        except ModelNotFound:
            return None  # it was there when the job was made

    async def _job(self, visit: Visit) -> Job:
        job_id: str = visit.request.path_params["job_id"].lower()
        if not _ID.fullmatch(job_id):
            raise JobNotFound(job_id)
        return await self._service.get(job_id, workspace_id=visit.workspace_id)


async def changes(watches: Watches, name: tuple[str, ...], look: Look) -> AsyncIterator[bytes]:
    """Yield a frame at first, as much may have changed on the page's way, and at every change."""
    async for seen in watches.follow(name, look):
        yield b"" if seen is None else frame("changed", {})


def _of(job: Job) -> DeliveryFilter:
    return DeliveryFilter(workspace_id=job.workspace_id, job_id=job.job_id)


def _path_of(job: Job) -> str:
    """Return the route that a job was asked for on."""
    if job.kind == APP:
        return f"/node-apps/{version_id_of(job.model)}/execute"
    return f"/generate/{job.kind}/{job.model}"
