"""Limits on wrong tokens: a few per minute are looked up for one address, and for all.

Beyond the limit a wrong token is refused without a look-up, and a right one is accepted. So guesses
cost the store nothing, and clients behind the same address or proxy go on with their tokens.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from ipaddress import AddressValueError, IPv6Address

from starlette.types import Scope

from ringback.clock import Clock

FAILURES_MAX = 10
"""Wrong tokens that are looked up for one address in the time of the window."""
FAILURES_MAX_IN_ALL = 300
"""Wrong tokens that are looked up for all addresses together."""
WINDOW_S = 60.0
_ADDRESSES_MAX = 1_024
_NETWORK_BITS = 64


class Attempts:
    """Counts wrong tokens by the client's address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[str, deque[float]] = {}
        self._of_all: deque[float] = deque()

    def begin(self, address: str) -> float | None:
        """Count an attempt before the look-up and return its time, or None above the limit.

        ``take_back`` needs the time if the token is right.
        """
        now = self._clock.monotonic()
        own = _recent(self._of.get(address, deque()), now)
        if len(own) >= FAILURES_MAX or len(_recent(self._of_all, now)) >= FAILURES_MAX_IN_ALL:
            return None
        own.append(now)
        self._of_all.append(now)
        # The dictionary is in the order of the last use: the address of the oldest use is dropped.
        self._of.pop(address, None)
        if len(self._of) >= _ADDRESSES_MAX:
            del self._of[next(iter(self._of))]
        self._of[address] = own
        return now

    def take_back(self, address: str, attempt: float) -> None:
        """Forget an attempt with a token that was right."""
        for counted in (self._of.get(address, deque()), self._of_all):
            with suppress(ValueError):
                counted.remove(attempt)
        if not self._of.get(address):
            self._of.pop(address, None)

    def retry_after_s(self, address: str) -> int:
        """Return the seconds until another token of the address is looked up."""
        oldest = [counted[0] for counted in (self._of.get(address), self._of_all) if counted]
        left_s = min(oldest, default=0.0) + WINDOW_S - self._clock.monotonic()
        return max(1, round(left_s))

    @property
    def addresses_count(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._of)


def address_of(scope: Scope) -> str:
    """Return the address of a request's client; an IPv6 network counts as one address."""
    client = scope.get("client")
    address: str = client[0] if client else ""
    try:
        ipv6 = IPv6Address(address)
    except AddressValueError:
        return address
    if ipv6.ipv4_mapped is not None:
        return str(ipv6.ipv4_mapped)
    return str(IPv6Address(int(ipv6) >> _NETWORK_BITS << _NETWORK_BITS))


def _recent(counted: deque[float], now: float) -> deque[float]:
    while counted and counted[0] <= now - WINDOW_S:
        counted.popleft()
    return counted
