"""Whether this process may claim: an operator can have a role drained, everywhere at once."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.storage.contract import Control

_EVERY_S = 1.0


class Gate:
    """Knows, a second late at most, in which roles nobody may claim."""

    def __init__(self, store: Control, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._drained: frozenset[str] = frozenset()

    def is_open(self, role: str) -> bool:
        """Say whether work of that role may be claimed."""
        return role not in self._drained

    async def run(self) -> None:
        """Look at the store until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look at the store once."""
        self._drained = await self._store.drained_roles()
