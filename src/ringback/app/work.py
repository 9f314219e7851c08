"""The role of the worker: engines, and the loop that runs jobs with them."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ringback.app.adapters import slots_for
from ringback.app.ground import Ground
from ringback.apps.model import ENGINE as RUNS
from ringback.engines.apps.engine import AppsEngine
from ringback.engines.contract import EngineRequest
from ringback.engines.faulty import FaultyEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.service.runs import RunDesk
from ringback.worker import Slot, Worker

_RUNS_AT_ONCE = 256  # a run costs a look at its steps when one ends, and once a second


class WorkerRole:
    """Runs jobs."""

    def __init__(self, ground: Ground) -> None:
        settings = ground.settings
        self._ground = ground
        self.answering = asyncio.Event()  # the process has begun, and may spend time on warmth
        self._slots = slots_for(settings, ground.upstreams.by_name, folder=ground.incoming.folder)
        store = ground.store
        runs = RunDesk(ground.service, store, store, lambda: ground.catalogue, clock=ground.clock)
        # Every worker takes runs, whatever else it is for: they wait, and do no work.
        self._slots[RUNS] = Slot(engine=AppsEngine(runs), concurrency=_RUNS_AT_ONCE, waits=True)
        self.worker = Worker(
            ground.service,
            slots={name: self._slot(slot) for name, slot in self._slots.items()},
            artifacts=ground.artifacts,
            fetch=ground.fetcher.get,
            clock=ground.clock,
            bells=ground.bells,
            worker_id=ground.process_id,
            lease_s=settings.lease_s,
            job_timeout_s=settings.job_timeout_s,
            models=settings.worker_models,
            may_claim=lambda: ground.gate.is_open("worker"),
        )

    def start(self) -> None:
        """Begin to run jobs, and start the drawing process once the server answers."""
        self._ground.loops.start("worker", self.worker.run)
        self._ground.loops.start("warm-up", self._warm_up)

    async def close(self) -> None:
        """Let go of the engines."""
        for slot in self._slots.values():
            await slot.engine.close()

    def _slot(self, slot: Slot) -> Slot:
        if not self._ground.settings.is_dev:
            return slot
        faulty = FaultyEngine(slot.engine, clock=self._ground.clock, cancel=self._cancel)
        return replace(slot, engine=faulty)

    async def _cancel(self, request: EngineRequest) -> None:
        await self._ground.service.cancel(request.job_id, workspace_id=request.workspace_id)

    async def _warm_up(self) -> None:
        """Start the drawing process: its start-up takes a whole core."""
        await self.answering.wait()
        for slot in self._slots.values():
            if isinstance(slot.engine, SketchEngine):
                await slot.engine.warm()
