"""The engine that runs node apps.

A run is itself a job. It starts the steps whose inputs are known, waits, and reads their results.
Its progress is stored as the steps' own jobs, so a rerun finds the steps that an earlier run
started and starts none of them twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.node_apps.steps import Steps
from ringback.errors import EngineError
from ringback.jobs.model import Job, JobStatus
from ringback.node_apps.graph import INPUT, AssetStep, Graph, ModelStep, references_in
from ringback.node_apps.resolving import OUTPUTS_SIZE_MAX, Resolver, Unresolvable

_ERROR_LENGTH_MAX = 1_000


class AppsEngine:
    """Runs the steps of a graph, in parallel where possible, and returns the named outputs."""

    name = "apps"

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Continue the run from its stored state to its end."""
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
        """Do nothing: the engine holds no resources."""

    async def _assets(self, graph: Graph, request: EngineRequest) -> dict[str, list[str]]:
        found = {}
        for name, step in graph.steps.items():
            if isinstance(step, AssetStep):
                asset_id = str(Resolver(request.input, {}).resolve(step.asset))
                found[name] = [await self._steps.asset_url(request.job_id, asset_id)]
        return found

    async def _begin(
        self,
        request: EngineRequest,
        graph: Graph,
        jobs: Mapping[str, Job],
        urls: Mapping[str, list[str]],
    ) -> dict[str, Job]:
        """Start every step whose inputs are known, while there is room; return their jobs."""
        begun: dict[str, Job] = {}
        for step in graph.jobs:
            if step.name in jobs or not graph.needs[step.name] <= urls.keys():
                continue
            values = _resolved(step, Resolver(request.input, urls))
            job = await self._steps.begin(request.job_id, step, values)
            if job is None:
                break  # the next free slot belongs to the step that has waited longest
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


def _resolved(step: ModelStep, resolver: Resolver) -> Mapping[str, Any]:
    try:
        values: dict[str, Any] = resolver.resolve(step.input)
    except Unresolvable as exc:
        raise EngineError(f"The step {step.name} cannot begin: {exc}.") from exc
    return values


def _made(graph: Graph, inputs: Mapping[str, Any], urls: Mapping[str, list[str]]) -> Made:
    try:
        outputs = Resolver(inputs, urls, size_max=OUTPUTS_SIZE_MAX).resolve(graph.outputs)
        links = tuple(dict.fromkeys(_results(graph, Resolver(inputs, urls))))
    except Unresolvable as exc:
        raise EngineError(f"The outputs cannot be given: {exc}.") from exc
    return Made(links=links, outputs=outputs)


def _results(graph: Graph, resolver: Resolver) -> Iterable[str]:
    """Yield the result URLs among the outputs, in their order; inputs and texts are skipped."""
    for value in graph.outputs.values():
        for reference in references_in(value):
            if reference.source != INPUT:
                found = resolver.resolve(reference)
                yield from found if isinstance(found, list) else [found]


def _progress(graph: Graph, jobs: Iterable[Job]) -> float:
    return sum(1.0 if _is_done(job) else job.progress for job in jobs) / max(1, len(graph.jobs))


def _is_done(job: Job) -> bool:
    return job.status is JobStatus.COMPLETED


def _urls(job: Job) -> list[str]:
    return list((job.result and job.result.urls) or ())
