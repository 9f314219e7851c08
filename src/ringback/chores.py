"""The loop that does chores: a little of each at a time, at the rate that each was given."""

from __future__ import annotations

from collections.abc import Callable

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import StorageFull
from ringback.log import get_logger
from ringback.webhooks.desk import Chores

log = get_logger(__name__)

_EVERY_S = 0.25


class ChoreRunner:
    """Steps every open chore four times a second; what is done is durable, and so is the place."""

    def __init__(
        self,
        chores: Chores,
        *,
        clock: Clock,
        bells: Bells,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._leads = leads
        self._chores = chores
        self._clock = clock
        self._bells = bells

    async def run(self) -> None:
        """Do chores until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            if not self._leads():
                continue
            try:
                await self.run_once()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)

    async def run_once(self) -> int:
        """Do the next part of every open chore; return how many deliveries that changed."""
        changed = 0
        for chore in await self._chores.open_chores():
            limit = max(1, round(chore.rate * _EVERY_S))
            try:
                after = await self._chores.step_chore(
                    chore, limit=limit, now_ms=self._clock.now_ms()
                )
            except StorageFull:
                raise
            except Exception:
                # Whatever is wrong with this one, the others are not to wait for it.
                log.exception("chore_broke", chore_id=chore.chore_id)
                continue
            changed += after.done_count - chore.done_count
            if after.ended_at_ms is not None:
                log.info("chore_ended", chore_id=chore.chore_id, done_count=after.done_count)
        if changed:
            self._bells.owed.ring()
        return changed
