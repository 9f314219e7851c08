"""The breaker: when it opens, how it recovers, and that it never lets a crowd at a sick one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.breaker import (
    CLOSED,
    Breaker,
    BreakerSettings,
    after_failure,
    after_probe,
    after_success,
    begin_probe,
    next_flight,
)

SETTINGS = BreakerSettings(failures_max=3, pause_s=5, pause_s_max=60, flight_max=8)
NOW = 1_000_000
LEASE = 40_000


def failed(breaker: Breaker, times: int = 1, *, now: int = NOW) -> Breaker:
    for _ in range(times):
        breaker = after_failure(breaker, now_ms=now, settings=SETTINGS)
    return breaker


def succeeded(breaker: Breaker, times: int = 1, *, now: int = NOW) -> Breaker:
    for _ in range(times):
        breaker = after_success(breaker, now_ms=now, settings=SETTINGS)
    return breaker


def flown(breaker: Breaker, *, now: int) -> Breaker:
    count = next_flight(breaker, now_ms=now)
    return begin_probe(breaker, count=count, lease_until_ms=now + LEASE)


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    assert failed(CLOSED, 2).is_closed
    assert failed(succeeded(failed(CLOSED, 2)), 2).is_closed
    opened = failed(CLOSED, 3)
    assert opened.open_until_ms == NOW + 5_000
    assert next_flight(opened, now_ms=NOW + 4_999) == 0


def test_one_probe_goes_out_at_a_time() -> None:
    probing = flown(failed(CLOSED, 3), now=NOW + 5_000)
    assert (probing.flight, probing.flying) == (1, 1)
    assert next_flight(probing, now_ms=NOW + 5_000 + LEASE - 1) == 0


def test_a_probe_that_never_comes_back_makes_room_for_another_when_its_lease_is_over() -> None:
    probing = flown(failed(CLOSED, 3), now=NOW + 5_000)
    assert next_flight(probing, now_ms=NOW + 5_000 + LEASE) == 1


def test_the_pause_doubles_with_every_probe_that_fails_up_to_a_most() -> None:
    breaker, now, pauses = failed(CLOSED, 3), NOW, []
    for _ in range(6):
        assert breaker.open_until_ms is not None
        pauses.append((breaker.open_until_ms - now) / 1000)
        now = breaker.open_until_ms
        breaker = failed(flown(breaker, now=now), now=now)
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_recovery_doubles_until_the_destination_takes_its_concurrency() -> None:
    breaker, now, flights = failed(CLOSED, 3), NOW + 5_000, []
    while not breaker.is_closed:
        breaker = flown(breaker, now=now)
        flights.append(breaker.flight)
        breaker = succeeded(breaker, breaker.flying, now=now)
    assert flights == [1, 2, 4, 8]
    assert breaker == CLOSED


def test_a_failure_in_any_flight_opens_it_again_for_longer() -> None:
    breaker = succeeded(flown(failed(CLOSED, 3), now=NOW + 5_000), now=NOW + 5_000)
    breaker = flown(breaker, now=NOW + 5_000)
    assert breaker.flying == 2
    breaker = failed(succeeded(breaker, now=NOW + 6_000), now=NOW + 6_000)
    assert breaker.open_until_ms == NOW + 16_000
    assert next_flight(breaker, now_ms=NOW + 16_000) == 1


def test_what_was_sent_before_it_opened_neither_closes_it_nor_keeps_it_open_longer() -> None:
    opened = failed(CLOSED, 3)
    assert failed(opened, 7, now=NOW + 900).open_until_ms == opened.open_until_ms
    assert succeeded(opened, 7) == opened


def test_a_flight_that_came_back_unattempted_is_followed_by_a_probe() -> None:
    breaker = flown(failed(CLOSED, 3), now=NOW + 5_000)
    breaker = after_probe(breaker, now_ms=NOW + 6_000)
    assert next_flight(breaker, now_ms=NOW + 6_000) == 1
    assert after_probe(CLOSED, now_ms=NOW) == CLOSED


steps = st.lists(st.sampled_from(["ok", "bad", "back", "fly", "wait"]), max_size=60)


@given(steps)
def test_never_more_in_flight_than_one_step_up_from_what_was_proven(taken: list[str]) -> None:
    breaker, now, proven = failed(CLOSED, 3), NOW, 0
    for step in taken:
        if breaker.is_closed:
            break
        flying = breaker.flying
        if step == "wait":
            now += 60_000
        elif step == "fly" and (count := next_flight(breaker, now_ms=now)):
            assert count <= max(1, 2 * proven)
            breaker = begin_probe(breaker, count=count, lease_until_ms=now + LEASE)
        elif step == "ok" and flying:
            breaker = succeeded(breaker, now=now)
            proven = breaker.flight if not breaker.flying else proven
        elif step == "bad":
            breaker = failed(breaker, now=now)
            proven = 0 if flying else proven
        elif step == "back" and flying:
            breaker = after_probe(breaker, now_ms=now)
        assert breaker.flying <= SETTINGS.flight_max
