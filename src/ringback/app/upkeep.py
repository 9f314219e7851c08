"""What is done once for all: leases of the dead rescued, chores, retention,
the index of prompts.

Every process offers itself, whatever its roles are; the store says whose turn it is. Each step is
safe all the same when two do it: the epoch, the row lock or the cursor decides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ringback.app.ground import Ground
from ringback.chores import ChoreRunner
from ringback.errors import ArtifactsAway, StorageFull
from ringback.indexer import Indexer
from ringback.janitor import Janitor
from ringback.jobs.model import Job
from ringback.lead import Lead
from ringback.log import get_logger
from ringback.pruner import Pruner
from ringback.retention import Retention

log = get_logger(__name__)

_HALF_WRITTEN_MS = 24 * 3600 * 1000  # what another process has begun so long ago, it has given up


class Upkeep:
    """The janitor, the chores, the pruner and the indexer of a process."""

    def __init__(
        self,
        ground: Ground,
        *,
        is_held: Callable[[Job], bool],
        also: Callable[[], Awaitable[object]],
    ) -> None:
        settings, store, clock, bells = ground.settings, ground.store, ground.clock, ground.bells
        self._ground = ground
        self._lead = Lead(
            store, "upkeep", holder=f"{ground.process_id} {ground.ids.uuid7()}", clock=clock
        )
        # Alone with the data, a process need not wait for a dead predecessor's lead to end.
        leads = (lambda: True) if settings.is_alone else self._lead.has_it
        self.janitor = Janitor(
            ground.service,
            store,
            clock=clock,
            bells=bells,
            is_held=is_held,
            leads=leads,
            also=also,
        )
        self.chores = ChoreRunner(store, clock=clock, bells=bells, leads=leads)
        self.indexer = Indexer(store, clock=clock, is_shared=store.is_shared, leads=leads)
        self.pruner = Pruner(
            store,
            store,
            assets=store,
            artifacts=ground.artifacts,
            retention=Retention(
                answers_days=settings.retention_answers_days,
                attempts_days=settings.retention_attempts_days,
                days=settings.retention_days,
            ),
            clock=clock,
            leads=leads,
        )

    def start(self) -> None:
        """Begin to look after things."""
        loops = self._ground.loops
        loops.start("gate", self._ground.gate.run)
        if not self._ground.settings.is_alone:
            loops.start("lead", self._lead.run)
        loops.start("janitor", self.janitor.run)
        loops.start("chores", self.chores.run)
        loops.start("pruner", self.pruner.run)
        loops.start("indexer", self.indexer.run)

    async def begin_alone(self) -> None:
        """Free what a dead predecessor held, before anybody claims anew."""
        await self.janitor.rescue_all_in_time()

    async def prepare(self) -> None:
        """Seal what earlier versions left plain, and delete what was left half written."""
        with suppress(StorageFull):  # then they are sealed at the next start
            await self._ground.keys.seal_all()
        await self._sweep()

    async def _sweep(self) -> None:
        ground = self._ground
        # With the data to ourselves, whatever is half written is a dead predecessor's.
        age_ms = 0 if ground.settings.is_alone else _HALF_WRITTEN_MS
        swept = 0
        with suppress(OSError, ArtifactsAway):  # it takes some room and does no other harm
            swept = await ground.artifacts.sweep(before_ms=ground.started_ms - age_ms)
            swept += ground.incoming.sweep(before_ms=ground.started_ms - age_ms)
        if swept:
            log.info("artifacts_swept", count=swept)
