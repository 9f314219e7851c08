"""The role of maintenance: rescue of expired leases, bulk operations, retention, prompt index.

Every process is a candidate, with any other roles, and a lease elects the leader. Each step
is safe all the same when two processes do it: the epoch, the row lock or the cursor decides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ringback.errors import ArtifactsUnavailable, StorageError
from ringback.files.artifacts.watched import PROBE_EVERY_S
from ringback.jobs.model import Job
from ringback.log import get_logger
from ringback.maintenance import bulk_runner
from ringback.maintenance.bulk_runner import BulkRunner
from ringback.maintenance.leader import LeaderElection
from ringback.maintenance.periodic import Periodic
from ringback.maintenance.prompt_indexer import PromptIndexer
from ringback.maintenance.pruner import Pruner
from ringback.maintenance.rescuer import Rescuer
from ringback.server.resources import Resources
from ringback.service.clock_watch import ClockWatch
from ringback.storage.retention import Retention

log = get_logger(__name__)

_EVERY_S = 1.0
_HALF_WRITTEN_MS = 24 * 3600 * 1000  # no process still writes a file that it began so long ago


class MaintenanceRole:
    """The rescuer, the bulk operations, the pruner and the indexer of a process."""

    def __init__(
        self,
        resources: Resources,
        *,
        is_held: Callable[[Job], bool],
        after_step: Callable[[], Awaitable[object]],
    ) -> None:
        settings, store, clock, wakeups = (
            resources.settings,
            resources.store,
            resources.clock,
            resources.wakeups,
        )
        self._resources = resources
        self._leader = LeaderElection(
            store, "upkeep", holder=f"{resources.process_id} {resources.ids.uuid7()}", clock=clock
        )
        # A single process need not wait until the lease of a dead predecessor ends.
        self._is_leader = (lambda: True) if settings.is_alone else self._leader.is_leader
        self.rescuer = Rescuer(
            resources.service,
            store,
            clock=clock,
            wakeups=wakeups,
            is_held=is_held,
            after_step=after_step,
            clock_watch=ClockWatch(store, clock=store.clock, times=clock),
        )
        self.bulk_operations = BulkRunner(store, clock=clock, wakeups=wakeups)
        self.indexer = PromptIndexer(
            store, clock=clock, is_shared=store.is_shared, is_leader=self._is_leader
        )
        self.pruner = Pruner(
            store,
            store,
            assets=store,
            artifacts=resources.artifacts,
            retention=Retention(
                answers_days=settings.retention_answers_days,
                attempts_days=settings.retention_attempts_days,
                days=settings.retention_days,
            ),
            clock=clock,
        )

    def start(self) -> None:
        """Start the loops of maintenance."""
        rescuer, pruner, bulk = self.rescuer, self.pruner, self.bulk_operations
        self._begin("drain-switch", self._resources.drain_switch.step, _EVERY_S, for_all=True)
        self._begin("artifacts-watch", self._resources.artifacts.probe, PROBE_EVERY_S, for_all=True)
        if not self._resources.settings.is_alone:
            self._begin("leader", self._leader.step, _EVERY_S, for_all=True)
        self._begin("rescuer", rescuer.step, _EVERY_S, stand_by=rescuer.stand_by)
        self._begin("bulk-runner", bulk.run_once, bulk_runner.EVERY_S)
        self._begin("pruner", pruner.step, _EVERY_S)
        self._begin("prompt-indexer", self.indexer.run_once, _EVERY_S)

    def _begin(
        self,
        name: str,
        step: Callable[[], Awaitable[object]],
        every_s: float,
        *,
        for_all: bool = False,
        stand_by: Callable[[], object] = lambda: None,
    ) -> None:
        """Start a loop: in the leading process alone, or ``for_all`` at once in each."""
        loop = Periodic(
            name,
            step,
            every_s=every_s,
            clock=self._resources.clock,
            is_leader=(lambda: True) if for_all else self._is_leader,
            stand_by=stand_by,
            at_once=for_all,
        )
        self._resources.loops.start(name, loop.run)

    async def begin_alone(self) -> None:
        """Rescue the leases of a dead predecessor, before any role claims."""
        await self.rescuer.rescue_all_in_time()

    async def prepare(self) -> None:
        """Seal plain secrets of earlier versions, and delete half-written files."""
        with suppress(StorageError):  # the next start tries again
            await self._resources.keys.seal_all()
        await self._sweep()

    async def _sweep(self) -> None:
        resources = self._resources
        # A single process owns the data: every half-written file is a dead predecessor's.
        age_ms = 0 if resources.settings.is_alone else _HALF_WRITTEN_MS
        swept = 0
        with suppress(OSError, ArtifactsUnavailable):  # it takes some room and does no other harm
            swept = await resources.artifacts.sweep(before_ms=resources.started_ms - age_ms)
            swept += resources.incoming.sweep(before_ms=resources.started_ms - age_ms)
        if swept:
            log.info("artifacts_swept", count=swept)
