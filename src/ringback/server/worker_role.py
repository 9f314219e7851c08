"""The role of the worker: engines, and the loop that runs jobs with them."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ringback.engines.contract import EngineRequest
from ringback.engines.node_apps.engine import AppsEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.node_apps.model import ENGINE as NODE_APPS
from ringback.server.adapters import slots_for
from ringback.server.resources import Resources
from ringback.service.node_app_runs import NodeAppRunService
from ringback.worker import CrashGuard, Slot, Worker

_HELD_MAX = 1_000
_RUNS_AT_ONCE = 256  # a run costs one read of its steps at each step's end, and once a second


class WorkerRole:
    """Runs jobs with the engines of this process."""

    def __init__(self, resources: Resources) -> None:
        settings = resources.settings
        self._resources = resources
        self.may_warm_up = asyncio.Event()  # set once the process serves requests
        self._slots = slots_for(
            settings, resources.upstreams.by_name, folder=resources.incoming.folder
        )
        store = resources.store
        runs = NodeAppRunService(
            resources.service,
            store,
            store,
            lambda: resources.catalogue,
            media=resources.media_inputs,
            clock=resources.clock,
        )
        # Every worker runs node apps beside its engines: they wait, and do no work.
        self._slots[NODE_APPS] = Slot(
            engine=AppsEngine(runs), concurrency=_RUNS_AT_ONCE, waits=True
        )
        self._guard = CrashGuard(
            settings.data / "workers",
            worker_id=resources.process_id,
            clock=resources.clock,
            most_s=settings.crash_wait_s,
        )
        self.worker = Worker(
            resources.service,
            slots={name: self._slot(slot) for name, slot in self._slots.items()},
            artifacts=resources.artifacts,
            fetcher=resources.fetcher,
            clock=resources.clock,
            wakeups=resources.wakeups,
            worker_id=resources.process_id,
            lease_s=settings.lease_s,
            job_timeout_s=settings.job_timeout_s,
            models=_models_of(resources),
            may_claim=self.may_claim,
            guard=self._guard,
        )

    async def begin(self) -> None:
        """Read how the previous worker ended, and its held jobs, before they are rescued."""
        await self._guard.begin(self._held_jobs)

    def start(self) -> None:
        """Start to run jobs, and the drawing process once the server serves requests."""
        self._resources.loops.start("worker", self.worker.run)
        self._resources.loops.start("warm-up", self._warm_up)

    def may_claim(self) -> bool:
        """Return whether a job may begin now: not while its result could not be kept."""
        resources = self._resources
        return resources.drain_switch.is_open("worker") and not resources.artifacts.is_away

    async def close(self) -> None:
        """Close the engines."""
        for slot in self._slots.values():
            await slot.engine.close()
        self._guard.close()

    async def _held_jobs(self, worker_id: str) -> list[str]:
        """Return the ids of the jobs that a worker holds.

        Runs of node apps do no work that could crash a server: they count if there are no others.
        """
        held = await self._resources.store.held_jobs(worker_id, limit=_HELD_MAX)
        work = [job.job_id for job in held if job.engine != NODE_APPS]
        return work or [job.job_id for job in held]

    def _slot(self, slot: Slot) -> Slot:
        lab = self._resources.lab
        if lab is None:
            return slot
        return replace(
            slot, engine=lab.engine(slot.engine, clock=self._resources.clock, cancel=self._cancel)
        )

    async def _cancel(self, request: EngineRequest) -> None:
        await self._resources.service.cancel(request.job_id, workspace_id=request.workspace_id)

    async def _warm_up(self) -> None:
        """Start the drawing process, which needs a whole core for its start."""
        await self.may_warm_up.wait()
        for slot in self._slots.values():
            if isinstance(slot.engine, SketchEngine):
                await slot.engine.warm()


def _models_of(resources: Resources) -> tuple[str, ...]:
    """Return the only models that this worker runs, if any are named, or raise ``SetupError``."""
    names = resources.settings.worker_models
    if names:
        _ = resources.catalogue  # is read now, because reading it checks the names
    return names
