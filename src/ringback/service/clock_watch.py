"""Detects that the clock was set, and shifts the stored times that depend on it.

Due times, leases and the age of idempotency keys are kept as times of day. A clock that is set
back by three days would delay a delivery that is due in a minute by three days; one that is set
ahead would forget a key that was used a minute ago. This module alone has the rule: after the clock
was set back, times in the future move back with it; keys move with it in both directions. Times of
past events stay as they were written.
"""

from __future__ import annotations

from ringback.clock import Clock
from ringback.log import get_logger
from ringback.storage.contract import Control

log = get_logger(__name__)

_JUMP_MS = 1_000  # less is an ordinary correction of the clock
_DOWN_MS = 60_000  # a shorter downtime counts as time that the server ran


class ClockWatch:
    """Compares the clock with the monotonic clock at each check.

    ``times`` is the clock that stored times come from, which the lab may move on purpose. One
    process at a time checks for all; the others skip.
    """

    def __init__(self, store: Control, *, clock: Clock, times: Clock | None = None) -> None:
        self._store = store
        self._clock = clock
        self._times = times or clock
        self._offset_before_ms = self._offset_ms()

    async def check(self) -> bool:
        """Shift the stored times if the clock was set since the last check; say whether it was."""
        offset_ms = self._offset_ms()
        by_ms = offset_ms - self._offset_before_ms
        if abs(by_ms) < _JUMP_MS:
            return False
        await self._move(by_ms)
        self._offset_before_ms = offset_ms
        return True

    def skip(self) -> None:
        """Leave the changes of the clock until now to the process that checks."""
        self._offset_before_ms = self._offset_ms()

    async def begin(self) -> None:
        """Shift the stored times for a clock that was set while no server ran.

        A clock that is ahead of the last write may have been set, or time has passed. The two look
        alike, so downtime does not count towards the age of keys.
        """
        last_ms = await self._store.last_written_ms()
        by_ms = self._times.now_ms() - last_ms
        if last_ms and (by_ms <= -_JUMP_MS or by_ms >= _DOWN_MS):
            await self._move(by_ms, is_logged=by_ms < 0)

    async def _move(self, by_ms: int, *, is_logged: bool = True) -> None:
        if by_ms < 0:
            await self._store.move_times(by_ms, now_ms=self._times.now_ms())
        await self._store.move_keys(by_ms)
        if is_logged:
            log.warning("clock_set", by_s=by_ms / 1000)

    def _offset_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic() * 1000)
