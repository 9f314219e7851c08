"""The verbs on chores: ask for many deliveries again, look how far it is, stop it."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import ChoreNotFound
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.webhooks.desk import Chore, ChoreKind, Chores, DeliveryFilter

log = get_logger(__name__)

LISTED_MAX = 100
RATE_MAX = 1_000
RUNNING_MAX = 10
"""Chores that a workspace asked for and that run at once: their rates add up."""


class ChoreDesk:
    """What a workspace may ask to be done to many of its deliveries."""

    def __init__(self, chores: Chores, *, clock: Clock, ids: Ids) -> None:
        self._chores = chores
        self._clock = clock
        self._ids = ids

    async def redeliver(self, wanted: DeliveryFilter, *, workspace_id: str, rate: int) -> Chore:
        """Begin another round of every delivery that the filter finds, so many a second."""
        return await self._add(ChoreKind.REDELIVER, wanted, workspace_id=workspace_id, rate=rate)

    async def discard(self, wanted: DeliveryFilter, *, workspace_id: str, rate: int) -> Chore:
        """Discard every waiting delivery that the filter finds, so many a second."""
        return await self._add(ChoreKind.DISCARD, wanted, workspace_id=workspace_id, rate=rate)

    async def _add(
        self, kind: ChoreKind, wanted: DeliveryFilter, *, workspace_id: str, rate: int
    ) -> Chore:
        chore = Chore(
            chore_id=self._ids.uuid7(),
            workspace_id=workspace_id,
            kind=kind,
            wanted=wanted,
            created_at_ms=self._clock.now_ms(),
            rate=rate,
            first_seq=0,
            cursor=0,
            last_seq=0,
        )
        added = await self._chores.add_chore(chore, running_max=RUNNING_MAX)
        log.info("chore_added", chore_id=added.chore_id, kind=added.kind.value)
        return added

    async def get(self, chore_id: str, *, workspace_id: str) -> Chore:
        """Return a chore of this workspace, or raise ``ChoreNotFound``."""
        chore = await self._chores.get_chore(chore_id)
        if chore is None or chore.workspace_id != workspace_id:
            raise ChoreNotFound
        return chore

    async def list_chores(self, workspace_id: str) -> list[Chore]:
        """Return the workspace's latest chores, newest first."""
        return await self._chores.list_chores(workspace_id, limit=LISTED_MAX)

    async def cancel(self, chore_id: str, *, workspace_id: str) -> Chore:
        """End a chore where it stands; one that has ended stays as it is."""
        await self.get(chore_id, workspace_id=workspace_id)
        await self._chores.cancel_chore(chore_id, now_ms=self._clock.now_ms())
        return await self.get(chore_id, workspace_id=workspace_id)
