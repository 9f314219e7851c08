"""Deletes rows and files past their retention, in small steps."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import ArtifactsUnavailable
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.names import is_shared
from ringback.files.assets.store import AssetStore
from ringback.log import get_logger
from ringback.storage.contract import Pruning
from ringback.storage.retention import Kept, Retention
from ringback.webhooks.store import SecretStore

log = get_logger(__name__)

_STEPS = 20  # of each kind, every second or two: some 60 million jobs a day
_ROWS = 100  # checked in one transaction: about a millisecond of the writer's time
_PAUSE_S = 0.01


class Pruner:
    """Prunes in steps so small that no other write waits for one."""

    def __init__(
        self,
        store: Pruning,
        secrets: SecretStore,
        *,
        assets: AssetStore,
        artifacts: ArtifactStore,
        retention: Retention,
        clock: Clock,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._assets = assets
        self._artifacts = artifacts
        self._retention = retention
        self._clock = clock

    async def step(self) -> None:
        """Prune in a few steps, or log that the store of artifacts cannot be reached."""
        try:
            await self.run_once()
        except ArtifactsUnavailable as exc:
            log.warning("artifacts_unavailable", detail=str(exc))

    async def run_once(self) -> int:
        """Take some steps of each kind; return how many rows were pruned."""
        pruned = 0
        for kind in Kept:
            count, more = await self._prune(kind)
            pruned += count
            if kind is Kept.JOBS and more:
                break  # the deliveries of a job stay as long as the job
        now_ms = self._clock.now_ms()
        await self._secrets.forget_retired(before_ms=now_ms, limit=_ROWS)
        before_ms = self._retention.before_ms(Kept.JOBS, now_ms=now_ms)
        return pruned + await self._store.forget_bulk_operations(before_ms=before_ms, limit=_ROWS)

    async def _forget(self, name: str) -> None:
        # A file that is an asset has a retention of its own, whichever result names it.
        if not is_shared(name) and await self._assets.asset_of_file(name) is None:
            await self._artifacts.delete(name)

    async def _prune(self, kind: Kept) -> tuple[int, bool]:
        before_ms = self._retention.before_ms(kind, now_ms=self._clock.now_ms())
        count, more = 0, True
        # Destinations have no age to stop at, so one step a second goes through them.
        for _ in range(1 if kind is Kept.DESTINATIONS else _STEPS):
            if kind is Kept.JOBS:
                # Files go before their rows, so that a crash between leaves no file without a row.
                for name in await self._store.files_past(before_ms=before_ms, limit=_ROWS):
                    await self._forget(name)
            step = await self._store.prune(kind, before_ms=before_ms, limit=_ROWS)
            count += step.count
            more = step.more
            if not more:
                break
            await self._clock.sleep(_PAUSE_S)
        if count:
            log.info("pruned", what=kind.value, count=count)
        return count, more
