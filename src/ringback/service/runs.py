"""The steps of runs: what the engine of node apps has done by the verbs on jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ringback.apps.checking import model_of
from ringback.apps.graph import Graph, ModelStep
from ringback.apps.model import version_id_of
from ringback.apps.shelf import Apps
from ringback.assets.shelf import Assets
from ringback.catalogue.catalogue import Catalogue
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
from ringback.jobs.model import Job
from ringback.service.jobs import Service
from ringback.service.requests import GenerationRequest

_LOOK_AGAIN_S = 1.0  # a step may end in another process, and room come of any job's end


class RunDesk:
    """``Steps`` on one store; a worker's runs stand on it."""

    def __init__(
        self,
        service: Service,
        apps: Apps,
        assets: Assets,
        catalogue: Callable[[], Catalogue],
        *,
        clock: Clock,
    ) -> None:
        self._service = service
        self._apps = apps
        self._assets = assets
        self._catalogue = catalogue
        self._clock = clock

    async def graph_of(self, run_id: str) -> Graph:
        """Return what the run is to do."""
        run = await self._run(run_id)
        version = await self._apps.get_app(version_id_of(run.model))
        if version is None:
            raise EngineError("The version of the node app that this run is of is there no more.")
        return version.graph()

    async def jobs_of(self, run_id: str) -> dict[str, Job]:
        """Return the steps that are jobs by now, by their names."""
        jobs = await self._service.steps_of(await self._run(run_id))
        return {job.step: job for job in jobs if job.step is not None}

    async def asset_url(self, run_id: str, asset_id: str) -> str:
        """Return where an asset of the run's workspace is."""
        run = await self._run(run_id)
        asset = await self._assets.get_asset(asset_id.lower())
        if asset is None or asset.workspace_id != run.workspace_id:
            raise EngineError(f"The asset {asset_id[:80]} is there no more.")
        return f"{run.base_url}/artifacts/{asset.artifact}"

    async def begin(self, run_id: str, step: ModelStep, values: Mapping[str, Any]) -> Job | None:
        """Make a step a job, if it is none yet and there is room."""
        run = await self._run(run_id)
        catalogue = self._catalogue()
        try:
            model = model_of(step, catalogue, now_ms=self._clock.now_ms())
            valid = catalogue.validate(model, dict(values))
        except (ModelNotFound, ModelUnavailable, InvalidRequest) as exc:
            raise EngineError(f"The step {step.name} cannot begin: {exc}") from exc
        asked = GenerationRequest(
            workspace_id=run.workspace_id,
            kind=model.kind,
            model=model.id,
            type=model.type,
            engine=model.engine,
            input=valid.input,
            base_url=run.base_url,
            priority=run.priority,
            compute_units=cost_of(model, valid.input),
            token_id=run.token_id,
        )
        return await self._service.submit_step(run, asked, step=step.name)

    async def wait(self, jobs: Sequence[Job]) -> None:
        """Return when one of these has ended, or after a moment."""
        await self._service.wait_for_an_end(jobs, timeout_s=_LOOK_AGAIN_S)

    async def _run(self, run_id: str) -> Job:
        try:
            return await self._service.look_up(run_id)
        except JobNotFound as exc:
            raise RunOver(f"the run {run_id} is there no more") from exc
