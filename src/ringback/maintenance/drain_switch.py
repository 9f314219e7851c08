"""The drain switch lets an operator drain a role in every process at once."""

from __future__ import annotations

from ringback.storage.contract import Control


class DrainSwitch:
    """Knows the drained roles, as of its last step."""

    def __init__(self, store: Control) -> None:
        self._store = store
        self._drained: frozenset[str] = frozenset()

    def is_open(self, role: str) -> bool:
        """Say whether work of that role may be claimed."""
        return role not in self._drained

    async def step(self) -> None:
        """Read the drained roles from the store."""
        self._drained = await self._store.drained_roles()
