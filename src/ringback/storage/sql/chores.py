"""Chores."""

from __future__ import annotations

from functools import cached_property, partial

from ringback.errors import TooManyChores
from ringback.storage.sql import chore_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import chore_from
from ringback.storage.sql.work import Verb
from ringback.webhooks.desk import Chore


class SqlChores(SqlBase):
    """``Chores``."""

    @cached_property
    def _step_chores(self) -> Verb:
        return partial(verbs.step_chores, mint=self._mint)

    async def add_chore(self, chore: Chore, *, running_max: int | None = None) -> Chore:
        """Keep a new chore; its bounds are set to what there is now.

        Raises ``TooManyChores`` where so many that its workspace asked for are running.
        """
        added: Chore | None = await self._call(verbs.add_chores, (chore, running_max))
        if added is None:
            assert running_max is not None
            raise TooManyChores(running_max)
        return added

    async def get_chore(self, chore_id: str) -> Chore | None:
        """Return the chore of that id, of any workspace, or None."""
        rows = await self._read("chores.get_chore", chore_id=chore_id)
        return chore_from(rows[0]) if rows else None

    async def list_chores(self, workspace_id: str, *, limit: int) -> list[Chore]:
        """Return a workspace's chores, newest first."""
        rows = await self._read("chores.list_chores", workspace_id=workspace_id, limit=limit)
        return [chore_from(row) for row in rows]

    async def open_chores(self) -> list[Chore]:
        """Return the chores that have not ended, oldest first."""
        return [chore_from(row) for row in await self._read("chores.open_chores")]

    async def step_chore(self, chore: Chore, *, limit: int, now_ms: int) -> Chore:
        """Do the next part of a chore and write how far it is, in one transaction."""
        stepped: Chore = await self._call(self._step_chores, (chore, limit, now_ms))
        return stepped

    async def cancel_chore(self, chore_id: str, *, now_ms: int) -> bool:
        """End a chore where it stands; False if it has ended or there is none."""
        return bool(await self._write("chores.cancel_chore", chore_id=chore_id, now_ms=now_ms))
