"""The circuit breaker of a destination: pure, and asked inside the store's transaction.

Closed, a destination takes what the dispatcher's concurrency allows. After so many failures in a
row it opens: nothing is sent until its time is over. Then it hands out flights: first a single
probe, and after every flight that came back whole one of twice the size, until a flight would be
as large as the concurrency allows, and the breaker is closed. Any failure opens it again, for
longer.
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
    """How a destination has fared lately; without any trouble, the default."""

    failures_count: int = 0  # in a row
    open_until_ms: int | None = None  # None: closed; else nothing is handed out before then
    openings_count: int = 0  # since it was last closed
    flight: int = 0  # how large the flight under way, or the last that came back, might be
    flying: int = 0  # deliveries of the flight whose outcome is not known

    @property
    def is_closed(self) -> bool:
        """Say whether the destination takes all that there is concurrency for."""
        return self.open_until_ms is None


CLOSED = Breaker()


def next_flight(breaker: Breaker, *, now_ms: int) -> int:
    """Return how many deliveries a destination that is not closed may be handed now."""
    assert breaker.open_until_ms is not None
    if now_ms < breaker.open_until_ms:
        return 0
    return breaker.flight * 2 if breaker.flight and not breaker.flying else 1


def take_off(
    breaker: Breaker, *, count: int, lease_until_ms: int, allowed: int | None = None
) -> Breaker:
    """Return the breaker once so many were handed out: no more are until they have come back.

    Should they never come back, the end of their lease lets a probe out again.
    """
    # A flight counts as large as it was allowed to be: with little to send, a recovery would
    # otherwise never end.
    flight = max(count, allowed or 0)
    return replace(breaker, flight=flight, flying=count, open_until_ms=lease_until_ms)


def after_success(breaker: Breaker, *, now_ms: int, settings: BreakerSettings) -> Breaker:
    """Return the breaker after the destination has answered well."""
    if breaker.is_closed:
        return CLOSED
    if breaker.flying > 1:
        return replace(breaker, flying=breaker.flying - 1)
    if breaker.flying == 0:
        # Somebody who was sent before the breaker opened: a good sign, but not the probe's.
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
        # Sent before the breaker opened: it says nothing that is not known.
        return replace(breaker, failures_count=failures_count)
    openings = breaker.openings_count + 1
    pause_s = min(settings.pause_s_max, settings.pause_s * 2 ** min(openings - 1, 20))
    return Breaker(
        failures_count=failures_count,
        open_until_ms=now_ms + round(pause_s * 1000),
        openings_count=openings,
    )


def after_return(breaker: Breaker, *, now_ms: int) -> Breaker:
    """Return the breaker after a delivery of its flight came back unattempted."""
    if breaker.is_closed or breaker.flying == 0:
        return breaker
    flying = breaker.flying - 1
    if flying:
        return replace(breaker, flying=flying)
    # Nothing was learnt: the next flight is a probe again.
    return replace(breaker, flight=0, flying=0, open_until_ms=now_ms)
