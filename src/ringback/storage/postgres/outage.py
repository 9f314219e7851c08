"""Decides from the answers and failures of all connections whether the database is reachable.

Every connection of a process meets an outage, many times. Here it becomes one event when it
begins and one when it is over. Time is counted in checks, and not by the clock: a process that was
stopped for a while, or had a busy event loop, has not heard the database either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ringback.clock import Clock
from ringback.log import get_logger

log = get_logger(__name__)

CHECK_EVERY_S = 0.5
_CHECKS_AFTER_A_FAILURE = 2
_CHECKS_WITHOUT_AN_ANSWER = 10  # one slow statement is no outage


class Outage:
    """Counts answers and failures of the database, and says whether it is away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_heard = True
        self._failure: BaseException | None = None
        self._unheard_checks = 0
        self._began_at: float | None = None

    @property
    def is_on(self) -> bool:
        """Say whether the database cannot be reached, as far as is known."""
        return self._began_at is not None

    def heard(self) -> None:
        """Take note that the database has answered something."""
        self._is_heard = True

    def failed(self, exc: BaseException) -> None:
        """Take note that a connection broke or did not come about."""
        self._failure = exc

    def check(self) -> None:
        """Count the answers since the last check; log it when an outage begins or is over."""
        is_heard, self._is_heard = self._is_heard, False
        if is_heard:
            self._unheard_checks, self._failure = 0, None
            if self._began_at is not None:
                away_s = round(self._clock.monotonic() - self._began_at, 1)
                log.warning("store_back", away_s=away_s)
                self._began_at = None
            return
        self._unheard_checks += 1
        has_failed = self._failure is not None
        enough = _CHECKS_AFTER_A_FAILURE if has_failed else _CHECKS_WITHOUT_AN_ANSWER
        if self._began_at is None and self._unheard_checks >= enough:
            self._began_at = self._clock.monotonic()
            log.warning("store_away", detail=_detail(self._failure))

    async def watch(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Check twice a second until cancelled; ``probe`` runs a statement on the database.

        It runs when no answer has come since the last check, so that a database that is not used is
        known to be there too. One probe is under way at a time.
        """
        probing: asyncio.Task[None] | None = None
        try:
            while True:
                await self._clock.sleep(CHECK_EVERY_S)
                is_heard = self._is_heard
                self.check()
                if not is_heard and (probing is None or probing.done()):
                    probing = asyncio.create_task(_run(probe))
        finally:
            if probing is not None:
                probing.cancel()


async def _run(probe: Callable[[], Awaitable[object]]) -> None:
    with suppress(Exception):  # the connection has noted the answer or the failure
        await probe()


def _detail(exc: BaseException | None) -> str:
    if exc is None:
        return "it does not answer"
    return str(exc).strip() or type(exc).__name__
