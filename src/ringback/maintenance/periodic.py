"""The loop of maintenance repeats a step in the leading process, and waits out full storage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ringback.clock import Clock
from ringback.errors import StorageError
from ringback.log import get_logger, log_waiting

log = get_logger(__name__)

_STORAGE_WAIT_S = 1.0


class Periodic:
    """Repeats a step, in the leading process alone; ``stand_by`` is called instead in the others.

    A full disk or an unreachable database breaks no loop: the step is tried again a second later.
    Any other exception of the step is raised by ``run``.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[object]],
        *,
        every_s: float,
        clock: Clock,
        is_leader: Callable[[], bool] = lambda: True,
        stand_by: Callable[[], object] = lambda: None,
        at_once: bool = False,
    ) -> None:
        self.name = name
        self._step = step
        self._every_s = every_s
        self._clock = clock
        self._is_leader = is_leader
        self._stand_by = stand_by
        self._at_once = at_once

    async def run(self) -> None:
        """Repeat the step until cancelled; the first follows a wait, unless it is ``at_once``."""
        if not self._at_once:
            await self._clock.sleep(self._every_s)
        while True:
            wait_s = await self._run_once()
            await self._clock.sleep(wait_s)

    async def _run_once(self) -> float:
        """Do the step once if this process leads; return how long to wait before the next."""
        if not self._is_leader():
            self._stand_by()
            return self._every_s
        try:
            await self._step()
        except StorageError as exc:
            log_waiting(log, exc, loop=self.name, waiting_s=_STORAGE_WAIT_S)
            return max(self._every_s, _STORAGE_WAIT_S)
        return self._every_s
