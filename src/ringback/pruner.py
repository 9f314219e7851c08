"""The loop that forgets what is past its time, a little at a time."""

from __future__ import annotations

from collections.abc import Callable

from ringback.artifacts.contract import ArtifactStore
from ringback.artifacts.names import is_shared
from ringback.assets.shelf import Assets
from ringback.clock import Clock
from ringback.errors import ArtifactsAway, StorageFull
from ringback.log import get_logger
from ringback.retention import Kept, Retention
from ringback.storage.contract import Pruning
from ringback.webhooks.desk import Secrets

log = get_logger(__name__)

_EVERY_S = 1.0
_STEPS = 20  # of each kind, every second or two: some 60 million jobs a day
_ROWS = 100  # looked at in one transaction: about a millisecond of the writer's time
_PAUSE_S = 0.01


class Pruner:
    """Prunes in steps so small that nobody who writes waits for one."""

    def __init__(
        self,
        store: Pruning,
        secrets: Secrets,
        *,
        assets: Assets,
        artifacts: ArtifactStore,
        retention: Retention,
        clock: Clock,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._leads = leads
        self._store = store
        self._secrets = secrets
        self._assets = assets
        self._artifacts = artifacts
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            if not self._leads():
                continue
            try:
                await self.run_once()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)
            except ArtifactsAway as exc:
                log.warning("artifacts_away", detail=str(exc))

    async def run_once(self) -> int:
        """Take some steps of each kind; return how many rows were pruned."""
        pruned = 0
        for what in Kept:
            count, more = await self._prune(what)
            pruned += count
            if what is Kept.JOBS and more:
                break  # what a job owed stays for as long as the job
        now_ms = self._clock.now_ms()
        await self._secrets.forget_retired(before_ms=now_ms, limit=_ROWS)
        before_ms = self._retention.before_ms(Kept.JOBS, now_ms=now_ms)
        return pruned + await self._store.forget_chores(before_ms=before_ms, limit=_ROWS)

    async def _forget(self, name: str) -> None:
        # A result may be a provider's link, and that the asset which the provider was given.
        if not is_shared(name) and await self._assets.asset_of_file(name) is None:
            await self._artifacts.delete(name)

    async def _prune(self, what: Kept) -> tuple[int, bool]:
        before_ms = self._retention.before_ms(what, now_ms=self._clock.now_ms())
        count, more = 0, True
        # Destinations have no age that would end the walk: a step of it a second is enough.
        for _ in range(1 if what is Kept.DESTINATIONS else _STEPS):
            if what is Kept.JOBS:
                # Before the rows: a crash between leaves rows to go by, and no file is forgotten.
                for url in await self._store.urls_past(before_ms=before_ms, limit=_ROWS):
                    await self._forget(url.rpartition("/")[2])
            step = await self._store.prune(what, before_ms=before_ms, limit=_ROWS)
            count += step.count
            more = step.more
            if not more:
                break
            await self._clock.sleep(_PAUSE_S)
        if count:
            log.info("pruned", what=what.value, count=count)
        return count, more
