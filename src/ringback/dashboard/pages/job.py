"""The page of a job: its results, input, timeline and deliveries, and the form that cancels it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.model import EXPORT
from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.form_fields import elided, pictures_in
from ringback.dashboard.presenters.image_metadata import Metadata, metadata_of, seed_of
from ringback.dashboard.presenters.results import Result, facts_of, host_of, results_of
from ringback.dashboard.presenters.snippets import submission
from ringback.dashboard.presenters.timeline import timeline_of
from ringback.errors import JobNotFound, ModelNotFound, ModelUnavailable
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.names import FOLDER
from ringback.jobs.model import Job
from ringback.jobs.prompts import prompt_of
from ringback.node_apps.model import KIND as APP
from ringback.node_apps.model import version_id_of
from ringback.service import JobService
from ringback.service.deliveries import DeliveryService
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.store import DeliveryFilter

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_DELIVERIES_MAX = 20
_ATTEMPTS_MAX = 60


class Picture(Struct, frozen=True, kw_only=True):
    """One result, and the metadata of its file."""

    result: Result
    metadata: Metadata | None
    size_bytes: int | None = None


class JobViews:
    """The page of one job, and its event stream."""

    def __init__(
        self,
        service: JobService,
        deliveries: DeliveryService,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        live: LivePages,
    ) -> None:
        self._service = service
        self._deliveries = deliveries
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._live = live

    async def job(self, request: PageRequest) -> ASGIApp:
        """Show the job."""
        job = await self._job(request)
        deliveries = await self._deliveries_of(job)
        attempts = [(one.delivery_id, attempt) for one, some in deliveries for attempt in some]
        model = self._model(job)
        webhook = {"X-Webhook-URL": job.webhook_url} if job.webhook_url else {}
        if job.webhook_url and job.webhook_events:
            webhook["X-Webhook-Events"] = ", ".join(job.webhook_events)
        token = request.workspace_id if request.is_dev else None
        values = elided(job.input)
        results = results_of(job)
        pictures = await self._pictures(results)
        return request.page(
            "job.html",
            job=job,
            prompt=prompt_of(job.input),
            model=model,
            steps=await self._service.steps_of(job) if job.kind == APP else [],
            pictures=pictures,
            seed=seed_of(job.input, [one.metadata for one in pictures if one.metadata]),
            poster=next((one.path for one in results if one.kind == "picture"), None),
            facts=facts_of(job),
            values=values,
            sources=list(pictures_in(model, job.input)) if model else [],
            deliveries=deliveries,
            hosts={one.delivery_id: host_of(one.url) for one, _ in deliveries},
            timeline=timeline_of(job, attempts[:_ATTEMPTS_MAX], now_ms=request.now_ms),
            snippets=submission(
                request.base_url,
                _route_of(job),
                values,
                headers=webhook,
                token=token,
            ),
        )

    async def cancel(self, request: PageRequest) -> ASGIApp:
        """Cancel the job unless it has ended."""
        job = await self._job(request)
        await self._service.cancel(job.job_id, workspace_id=request.workspace_id)
        return request.redirect(f"/ui/jobs/{job.job_id}", done="cancelled")

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream an event when the job or one of its deliveries has changed."""
        job = await self._job(request)

        async def query() -> Snapshot:
            now = await self._service.get(job.job_id, workspace_id=job.workspace_id)
            page = await self._deliveries.list_deliveries(_filter(job), limit=_DELIVERIES_MAX)
            deliveries = tuple((one.delivery_id, one.status, one.epoch) for one in page.items)
            return Snapshot((now.status, now.progress, now.result, deliveries))

        return self._live.open_changes(request.workspace_id, ("job", job.job_id), query)

    async def _deliveries_of(self, job: Job) -> list[tuple[Delivery, list[Attempt]]]:
        page = await self._deliveries.list_deliveries(_filter(job), limit=_DELIVERIES_MAX)
        attempts = await self._deliveries.attempts_of_each(page.items)
        return list(zip(page.items, attempts, strict=True))

    async def _pictures(self, results: Sequence[Result]) -> list[Picture]:
        return list(await asyncio.gather(*(self._picture(one) for one in results)))

    async def _picture(self, result: Result) -> Picture:
        path = result.path
        kept = await self._artifacts.find(path.removeprefix(FOLDER)) if path else None
        is_read = kept is not None and result.kind == "picture"
        return Picture(
            result=result,
            metadata=await metadata_of(self._artifacts, kept) if kept and is_read else None,
            size_bytes=kept.size_bytes if kept else None,
        )

    def _model(self, job: Job) -> Model | None:
        try:
            return self._catalogue.find(job.kind, job.model)
        except (ModelNotFound, ModelUnavailable):
            return None  # it has left the catalogue since the job was submitted

    async def _job(self, request: PageRequest) -> Job:
        job_id: str = request.path_params["job_id"].lower()
        if not _ID.fullmatch(job_id):
            raise JobNotFound(job_id)
        return await self._service.get(job_id, workspace_id=request.workspace_id)


def _filter(job: Job) -> DeliveryFilter:
    return DeliveryFilter(workspace_id=job.workspace_id, job_id=job.job_id)


def _route_of(job: Job) -> str:
    """Return the API route on which a job was submitted."""
    if job.kind == APP:
        return f"/node-apps/{version_id_of(job.model)}/execute"
    return f"/{job.model}" if job.kind == EXPORT else f"/generate/{job.kind}/{job.model}"
