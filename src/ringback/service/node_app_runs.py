"""Submits and reads the steps of node app runs, for the engine of node apps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.media_fields import media_in
from ringback.catalogue.pricing import cost_of
from ringback.clock import Clock
from ringback.errors import (
    EngineError,
    InvalidRequest,
    JobNotFound,
    ModelNotFound,
    ModelUnavailable,
    RunOver,
)
from ringback.files.artifacts.names import artifact_url
from ringback.files.assets.store import AssetStore
from ringback.jobs.model import Job
from ringback.node_apps.checking import model_of
from ringback.node_apps.graph import Graph, ModelStep
from ringback.node_apps.model import version_id_of
from ringback.node_apps.store import NodeAppStore
from ringback.service.intake import Options, request_for
from ringback.service.jobs import JobService
from ringback.service.media_inputs import MediaInputs, replaced
from ringback.service.tokens import Principal

_POLL_S = 1.0  # a step may end in another process, and any job's end may free a slot


class NodeAppRunService:
    """``Steps`` on one store, for a worker's runs."""

    def __init__(
        self,
        service: JobService,
        apps: NodeAppStore,
        assets: AssetStore,
        catalogue: Callable[[], Catalogue],
        *,
        media: MediaInputs,
        clock: Clock,
    ) -> None:
        self._service = service
        self._apps = apps
        self._assets = assets
        self._catalogue = catalogue
        self._media = media
        self._clock = clock

    async def graph_of(self, run_id: str) -> Graph:
        """Return the graph of a run."""
        run = await self._run(run_id)
        version = await self._apps.get_app(version_id_of(run.model))
        if version is None:
            raise EngineError("This run's version of the node app no longer exists.")
        return version.graph()

    async def jobs_of(self, run_id: str) -> dict[str, Job]:
        """Return the jobs of the steps that have begun, by step name."""
        jobs = await self._service.steps_of(await self._run(run_id))
        return {job.step: job for job in jobs if job.step is not None}

    async def asset_url(self, run_id: str, asset_id: str) -> str:
        """Return the URL of an asset of the run's workspace."""
        run = await self._run(run_id)
        asset = await self._assets.get_asset(asset_id.lower())
        if asset is None or asset.workspace_id != run.workspace_id:
            raise EngineError(f"The asset {asset_id[:80]} no longer exists.")
        return artifact_url(asset.artifact, base_url=run.base_url)

    async def begin(self, run_id: str, step: ModelStep, values: Mapping[str, Any]) -> Job | None:
        """Submit a step as a job, once; return None while the limits leave no room for it."""
        run = await self._run(run_id)
        catalogue = self._catalogue()
        try:
            model = model_of(step, catalogue, now_ms=self._clock.now_ms())
            valid = catalogue.validate(model, dict(values))
            media = await self._media.settle(
                media_in(model.parameters, valid.input),
                workspace_id=run.workspace_id,
                base_url=run.base_url,
            )
        except (ModelNotFound, ModelUnavailable, InvalidRequest) as exc:
            raise EngineError(f"The step {step.name} cannot begin: {exc}") from exc
        key = f"{run.workspace_id} {run.job_id} {step.name}"
        stored = await self._media.store(media, base_url=run.base_url, step=key)
        request = request_for(
            model,
            replace(valid, input=replaced(valid.input, stored.urls)),
            Options(priority=run.priority),
            principal=Principal(run.workspace_id, run.token_id),
            base_url=run.base_url,
            compute_units=cost_of(model, valid.completed),
        )
        request = replace(request, input_files=tuple(stored.files))
        return await self._service.submit_step(run, request, step=step.name)

    async def wait(self, jobs: Sequence[Job]) -> None:
        """Return when one of the jobs has ended, or after a second."""
        await self._service.wait_for_an_end(jobs, timeout_s=_POLL_S)

    async def _run(self, run_id: str) -> Job:
        try:
            return await self._service.look_up(run_id)
        except JobNotFound as exc:
            raise RunOver(f"the run {run_id} no longer exists") from exc
