"""Turns in the fair queue: caps and rates, and no destination waits behind another's queue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.webhooks.claim_rooms import FairQueueSettings, Room
from ringback.webhooks.delivery.fair_queue import Claimed, FairQueue
from ringback.webhooks.model import Delivery
from tests.builders import a_delivery, a_job

DELIVERY = a_delivery(a_job())


def held(destination_id: int) -> Claimed:
    return Claimed(replace(DELIVERY, destination_id=destination_id), 0.0, 99.0)


def filled(settings: FairQueueSettings, *destinations: int) -> FairQueue:
    lines = FairQueue(settings)
    for destination_id in destinations:
        lines.add(held(destination_id))
    return lines


def taken(lines: FairQueue, now: float = 0.0) -> list[Delivery]:
    found = []
    while (one := lines.next(now)) is not None:
        found.append(one.delivery)
    return found


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [delivery.destination_id for delivery in deliveries]


def test_destinations_take_turns_whoever_came_first_with_many() -> None:
    lines = filled(FairQueueSettings(concurrency_each=9), 1, 1, 1, 1, 2, 3)
    assert numbers(taken(lines)) == [1, 2, 3, 1, 1, 1]


def test_a_full_destination_costs_the_others_nothing() -> None:
    lines = filled(FairQueueSettings(concurrency_each=1), 1, 1, 1, 2)
    assert numbers(taken(lines)) == [1, 2]


def test_a_freed_place_is_taken_by_the_next_in_line() -> None:
    lines = filled(FairQueueSettings(concurrency_each=1), 1, 1)
    (first,) = taken(lines)
    lines.done(first, 0.0)
    assert numbers(taken(lines)) == [1]
    assert lines.held_count == 1


def test_no_more_are_in_flight_than_the_cap_of_all() -> None:
    lines = filled(FairQueueSettings(concurrency=3), *range(5))
    first = taken(lines)
    assert numbers(first) == [0, 1, 2]
    lines.done(first[1], 0.0)
    assert numbers(taken(lines)) == [3]
    assert lines.active_count == 3


def test_a_destination_with_a_rate_waits_for_its_time_and_others_go_on() -> None:
    lines = filled(FairQueueSettings(rate_each=2.0), 1, 1, 2)
    assert numbers(taken(lines)) == [1, 2]
    assert lines.wait_s(0.0) == 0.5
    assert taken(lines, 0.49) == []
    assert numbers(taken(lines, 0.5)) == [1]


def test_a_rate_is_kept_when_a_destination_was_empty_in_between() -> None:
    lines = filled(FairQueueSettings(rate_each=1.0), 1)
    (first,) = taken(lines)
    lines.done(first, 0.1)
    lines.add(held(1))
    assert taken(lines, 0.2) == []
    assert len(taken(lines, 1.0)) == 1


def test_a_rate_of_all_holds_over_destinations() -> None:
    lines = filled(FairQueueSettings(rate=1.0), 1, 2)
    assert numbers(taken(lines)) == [1]
    assert lines.wait_s(0.0) == 1.0
    assert numbers(taken(lines, 1.0)) == [2]


def test_what_was_not_taken_can_be_taken_back() -> None:
    lines = filled(FairQueueSettings(concurrency_each=1), 1, 1, 2, 2)
    taken(lines)
    assert len(lines.take_back(1)) == 1
    assert lines.held_count == 3
    assert len(lines.take_all_back()) == 1
    assert lines.take_back(7) == []


def test_rooms_are_what_may_still_be_claimed_of_those_that_are_held() -> None:
    settings = FairQueueSettings(concurrency=4, concurrency_each=1)
    lines = filled(settings, 1, 1, 2)
    rooms = lines.rooms()
    assert settings.at_hand_each == 4
    # Both destinations have more at hand than places, and one more may wait with these three.
    assert rooms.destinations == {1: 1, 2: 0}
    assert rooms.workspaces.room_of("studio") == Room(in_all=5, ahead=0)
    assert rooms.workspaces.others == Room(in_all=5, ahead=1)


def test_what_waits_for_a_full_destination_takes_no_room_from_free_places() -> None:
    settings = FairQueueSettings(concurrency=10, concurrency_each=2)
    lines = filled(settings, *[1, 2, 3] * 5)
    assert len(taken(lines)) == 6
    rooms = lines.rooms()
    assert lines.held_count == 15
    assert rooms.destinations == {1: 1, 2: 0, 3: 0}
    assert rooms.workspaces.room_of("studio") == Room(in_all=4 + 1, ahead=0)


def test_a_destination_whose_attempt_timed_out_has_fewer_at_hand() -> None:
    lines = filled(FairQueueSettings(concurrency_each=2), 1, 1)
    first, _ = taken(lines)
    lines.add(held(1))
    assert lines.rooms().destinations == {1: 8 - 3}
    lines.done(first, 0.0, timed_out=True)
    assert lines.rooms().destinations == {1: 4 - 2}
    (last,) = taken(lines)
    lines.done(last, 0.0)
    assert lines.rooms().destinations == {1: 8 - 1}


def test_a_slow_rate_keeps_little_at_hand() -> None:
    assert FairQueueSettings(rate_each=1.0).at_hand_each == 2
    assert FairQueueSettings(rate_each=0.1).at_hand_each == 1


actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 4)),
        st.tuples(st.just("done"), st.integers(0, 99)),
        st.tuples(st.just("back"), st.integers(0, 4)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=120,
)
limits = st.builds(
    FairQueueSettings,
    concurrency=st.integers(1, 5),
    concurrency_each=st.integers(1, 3),
    rate=st.sampled_from([0.0, 3.0]),
    rate_each=st.sampled_from([0.0, 2.0]),
)


@given(limits, actions)
def test_caps_hold_nothing_is_lost_and_whoever_may_go_goes(
    settings: FairQueueSettings, done: list[tuple[str, int]]
) -> None:
    lines, now = FairQueue(settings), 0.0
    added = flown = back = 0
    active: list[Delivery] = []
    for action, number in done:
        if action == "add":
            lines.add(held(number))
            added += 1
        elif action == "back":
            back += len(lines.take_back(number))
        elif action == "wait":
            now += number / 10
        elif active:
            lines.done(active.pop(number % len(active)), now)
        fresh = taken(lines, now)
        flown += len(fresh)
        active += fresh
        assert len(active) == lines.active_count <= settings.concurrency
        for destination_id in range(5):
            assert numbers(active).count(destination_id) <= settings.concurrency_each
        assert lines.held_count == added - back - (flown - len(active))
    # Once everything is freed and time has passed, all of it goes.
    for _ in range(400):
        now += 1
        for delivery in active:
            lines.done(delivery, now)
        active = taken(lines, now)
    assert not active
    assert lines.held_count == 0
    assert lines.rooms().destinations == {}
