"""How often somebody may try a token: so many failures in a while, then a wait."""

from __future__ import annotations

from collections import deque

from ringback.clock import Clock
from ringback.errors import TooManyAttempts

FAILURES_MAX = 10
WINDOW_S = 60.0
_ADDRESSES_MAX = 1_024


class Throttle:
    """Counts failures by the address that they came from."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def check(self, address: str) -> None:
        """Raise ``TooManyAttempts`` when the address has failed too often of late."""
        failures = self._recent(address)
        if len(failures) >= FAILURES_MAX:
            left_s = failures[0] + WINDOW_S - self._clock.monotonic()
            raise TooManyAttempts(retry_after_s=max(1, round(left_s)))

    def failed(self, address: str) -> None:
        """Note a failure."""
        failures = self._recent(address)
        failures.append(self._clock.monotonic())
        if address not in self._failures and len(self._failures) >= _ADDRESSES_MAX:
            # The one that has been quiet longest: whoever floods us with addresses forgets his own.
            del self._failures[next(iter(self._failures))]
        self._failures.pop(address, None)
        self._failures[address] = failures

    def _recent(self, address: str) -> deque[float]:
        failures = self._failures.get(address) or deque()
        since = self._clock.monotonic() - WINDOW_S
        while failures and failures[0] <= since:
            failures.popleft()
        return failures
