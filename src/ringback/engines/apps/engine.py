"""The engine that runs node apps.

A run is a job that does no work: it begins the steps whose inputs are known, waits, and reads what
they made. All that it knows is in the store, as the steps' own jobs, so a run that was cut off goes
on from there when it is claimed anew: what has been begun is found and not begun again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ringback.apps.graph import INPUT, AssetStep, Graph, ModelStep, references_in
from ringback.apps.resolving import OUTPUTS_SIZE_MAX, Known, Unresolvable
from ringback.engines.apps.steps import Steps
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.errors import EngineError
from ringback.jobs.model import Job, JobStatus

_ERROR_LENGTH_MAX = 1_000


class AppsEngine:
    """Has the steps of a run done, those that can be at once, and gives the named outputs."""

    name = "apps"

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Bring the run from wherever it stands to its end."""
        run_id = request.job_id
        graph = await self._steps.graph_of(run_id)
        assets = await self._assets(graph, request)
        while True:
            jobs = await self._steps.jobs_of(run_id)
            _check_ends(graph, jobs)
            urls = assets | {name: _urls(job) for name, job in jobs.items() if _is_done(job)}
            if len(urls) == len(graph.steps):
                return _made(graph, request.input, urls)
            jobs |= await self._begin(request, graph, jobs, urls)
            await io.progress(_progress(graph, jobs.values()))
            await self._steps.wait([job for job in jobs.values() if not job.status.is_terminal])

    async def close(self) -> None:
        """Nothing is held."""

    async def _assets(self, graph: Graph, request: EngineRequest) -> dict[str, list[str]]:
        found = {}
        for name, step in graph.steps.items():
            if isinstance(step, AssetStep):
                asset_id = str(Known(request.input, {}).resolve(step.asset))
                found[name] = [await self._steps.asset_url(request.job_id, asset_id)]
        return found

    async def _begin(
        self,
        request: EngineRequest,
        graph: Graph,
        jobs: Mapping[str, Job],
        urls: Mapping[str, list[str]],
    ) -> dict[str, Job]:
        """Begin every step whose needs are met, for as long as there is room; return their jobs."""
        begun: dict[str, Job] = {}
        for step in graph.jobs:
            if step.name in jobs or not graph.needs[step.name] <= urls.keys():
                continue
            values = _resolved(step, Known(request.input, urls))
            job = await self._steps.begin(request.job_id, step, values)
            if job is None:
                break  # a place that becomes free goes to the step that waits longest
            begun[step.name] = job
        return begun


def _check_ends(graph: Graph, jobs: Mapping[str, Job]) -> None:
    """Raise ``EngineError`` naming the first step that did not complete."""
    for step in graph.jobs:
        job = jobs.get(step.name)
        if job is None or not job.status.is_terminal or _is_done(job):
            continue
        if job.status is JobStatus.CANCELLED:
            raise EngineError(f"The step {step.name} was cancelled.")
        error = (job.result and job.result.error) or "it does not say why."
        raise EngineError(f"The step {step.name} failed: {error[:_ERROR_LENGTH_MAX]}")


def _resolved(step: ModelStep, known: Known) -> Mapping[str, Any]:
    try:
        values: dict[str, Any] = known.resolve(step.input)
    except Unresolvable as exc:
        raise EngineError(f"The step {step.name} cannot begin: {exc}.") from exc
    return values


def _made(graph: Graph, inputs: Mapping[str, Any], urls: Mapping[str, list[str]]) -> Made:
    try:
        outputs = Known(inputs, urls, size_max=OUTPUTS_SIZE_MAX).resolve(graph.outputs)
        links = tuple(dict.fromkeys(_results(graph, Known(inputs, urls))))
    except Unresolvable as exc:
        raise EngineError(f"The outputs cannot be given: {exc}.") from exc
    return Made(links=links, outputs=outputs)


def _results(graph: Graph, known: Known) -> Iterable[str]:
    """Yield the URLs that outputs name, in their order; inputs and texts are no results."""
    for value in graph.outputs.values():
        for reference in references_in(value):
            if reference.source != INPUT:
                found = known.resolve(reference)
                yield from found if isinstance(found, list) else [found]


def _progress(graph: Graph, jobs: Iterable[Job]) -> float:
    return sum(1.0 if _is_done(job) else job.progress for job in jobs) / max(1, len(graph.jobs))


def _is_done(job: Job) -> bool:
    return job.status is JobStatus.COMPLETED


def _urls(job: Job) -> list[str]:
    return list((job.result and job.result.urls) or ())
