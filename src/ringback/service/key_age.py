"""Computes from when idempotency keys are kept, with a clock that may be set at any moment."""

from __future__ import annotations

from ringback.clock import Clock

IDEMPOTENCY_KEPT_MS = 24 * 60 * 60 * 1000


class KeyAge:
    """Measures the age of keys by the clock as it was at the last ``settle``.

    A clock that was set ahead makes no key older. Until the clock watch has shifted the keys and
    called ``settle``, only the monotonic time that has passed since then counts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.settle()

    def settle(self) -> None:
        """Trust the clock as it is now: the keys were shifted with it."""
        self._offset_ms = self._clock.now_ms() - self._passed_ms()

    def kept_since_ms(self) -> int:
        """Return the time since which used keys are kept."""
        settled_ms = self._offset_ms + self._passed_ms()
        return min(self._clock.now_ms(), settled_ms) - IDEMPOTENCY_KEPT_MS

    def _passed_ms(self) -> int:
        return round(self._clock.monotonic() * 1000)
