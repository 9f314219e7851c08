"""The circuit breaker of a destination: pure, called inside the store's transaction.

While it is closed, the dispatcher's concurrency is the only bound. After so many failures in a
row it opens: nothing is sent until its pause is over. Then it lets out flights: first a single
probe, and after every flight without a failure one of twice the size, until a flight would be as
large as the concurrency allows, and the breaker closes. Any failure opens it again, for longer.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class BreakerSettings(Struct, frozen=True, kw_only=True):
    """When a destination is paused, and for how long."""

    failures_max: int = 10
    pause_s: float = 5.0
    pause_s_max: float = 300.0
    flight_max: int = 8  # the concurrency at which a recovery is over


class Breaker(Struct, frozen=True, kw_only=True):
    """A destination's breaker; the default is that of a destination without failures."""

    failures_count: int = 0  # in a row
    open_until_ms: int | None = None  # None: closed; else nothing is sent before then
    openings_count: int = 0  # since it was last closed
    flight: int = 0  # the allowed size of the current flight, or of the last
    flying: int = 0  # deliveries of the flight without an outcome yet

    @property
    def is_closed(self) -> bool:
        """Say whether concurrency is the only bound of the destination."""
        return self.open_until_ms is None


CLOSED = Breaker()


def next_flight(breaker: Breaker, *, now_ms: int) -> int:
    """Return how many deliveries may be sent now to a destination whose breaker is not closed."""
    assert breaker.open_until_ms is not None
    if now_ms < breaker.open_until_ms:
        return 0
    return breaker.flight * 2 if breaker.flight and not breaker.flying else 1


def begin_probe(
    breaker: Breaker, *, count: int, lease_until_ms: int, allowed: int | None = None
) -> Breaker:
    """Return the breaker after a flight of so many was let out: no more are until it is back.

    If outcomes never come, the end of the lease lets a probe out again.
    """
    # A flight counts as large as it was allowed to be: with little to send, a recovery would
    # otherwise never end.
    flight = max(count, allowed or 0)
    return replace(breaker, flight=flight, flying=count, open_until_ms=lease_until_ms)


def after_success(breaker: Breaker, *, now_ms: int, settings: BreakerSettings) -> Breaker:
    """Return the breaker after a healthy answer."""
    if breaker.is_closed:
        return CLOSED
    if breaker.flying > 1:
        return replace(breaker, flying=breaker.flying - 1)
    if breaker.flying == 0:
        # Sent before the breaker opened: a good sign, but not the probe's.
        return breaker
    if breaker.flight * 2 > settings.flight_max:
        return CLOSED
    return replace(breaker, flying=0, open_until_ms=now_ms, failures_count=0)


def after_failure(breaker: Breaker, *, now_ms: int, settings: BreakerSettings) -> Breaker:
    """Return the breaker after the destination has failed."""
    failures_count = breaker.failures_count + 1
    if breaker.is_closed and failures_count < settings.failures_max:
        return replace(breaker, failures_count=failures_count)
    if not breaker.is_closed and breaker.flying == 0:
        # Sent before the breaker opened: it says nothing new.
        return replace(breaker, failures_count=failures_count)
    openings = breaker.openings_count + 1
    pause_s = min(settings.pause_s_max, settings.pause_s * 2 ** min(openings - 1, 20))
    return Breaker(
        failures_count=failures_count,
        open_until_ms=now_ms + round(pause_s * 1000),
        openings_count=openings,
    )


def after_probe(breaker: Breaker, *, now_ms: int) -> Breaker:
    """Return the breaker after a delivery of its flight came back unattempted."""
    if breaker.is_closed or breaker.flying == 0:
        return breaker
    flying = breaker.flying - 1
    if flying:
        return replace(breaker, flying=flying)
    # No outcome is known: the next flight is a probe again.
    return replace(breaker, flight=0, flying=0, open_until_ms=now_ms)
