"""Turns of workspaces that share the slots, for any arrivals in any order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.claim_rooms import FairQueueSettings
from ringback.webhooks.delivery.fair_queue import Claimed, FairQueue
from ringback.webhooks.model import Delivery
from tests.builders import a_delivery, a_job

JOBS = {name: a_job(workspace_id=name) for name in ("alice", "bob", "mallory", "mona")}
SLOTS = FairQueueSettings(concurrency=8, concurrency_each=2)  # and two in reserve


def of(workspace_id: str, number: int) -> Claimed:
    """Return a claimed delivery; a destination is one workspace's, as in a store."""
    slot = sorted(JOBS).index(workspace_id)
    delivery = a_delivery(JOBS[workspace_id], destination_id=number * len(JOBS) + slot)
    return Claimed(delivery, 0.0, 0.0)


def filled(lines: FairQueue, workspace_id: str, *, destinations: int, each: int = 2) -> None:
    for number in range(destinations * each):
        lines.add(of(workspace_id, number % destinations))


def taken(lines: FairQueue) -> list[Delivery]:
    found = []
    while (one := lines.next(0.0)) is not None:
        found.append(one.delivery)
    return found


def owners(deliveries: list[Delivery]) -> list[str]:
    return [delivery.workspace_id for delivery in deliveries]


def test_a_workspace_alone_has_every_place() -> None:
    lines = FairQueue(SLOTS)
    filled(lines, "mallory", destinations=9)
    assert len(taken(lines)) == SLOTS.concurrency


def test_a_workspace_is_let_in_at_once_beside_one_that_has_every_place() -> None:
    lines = FairQueue(SLOTS)
    filled(lines, "mallory", destinations=9)
    taken(lines)
    filled(lines, "alice", destinations=1)
    assert owners(taken(lines)) == ["alice"]
    filled(lines, "bob", destinations=1)
    assert owners(taken(lines)) == ["bob"]


def test_a_freed_place_goes_to_the_workspace_that_holds_the_fewest() -> None:
    lines = FairQueue(SLOTS)
    filled(lines, "mallory", destinations=9)
    active = taken(lines)
    filled(lines, "alice", destinations=9)
    assert owners(taken(lines)) == ["alice"]
    served = []
    for delivery in active[:6]:
        lines.done(delivery, 0.0)
        served += owners(taken(lines))
    # The first freed place was one too many; from equal parts on each keeps its own.
    assert served == ["alice"] * 3 + ["mallory"] * 2


def test_workspaces_that_hold_the_same_take_turns() -> None:
    lines = FairQueue(SLOTS)
    filled(lines, "mallory", destinations=9)
    filled(lines, "alice", destinations=2)
    assert owners(taken(lines)) == ["mallory", "alice"] * 4


CROWD = [f"crowd-{number}" for number in range(50)]


def of_crowd(number: int) -> Claimed:
    job = a_job(workspace_id=CROWD[number])
    return Claimed(a_delivery(job, destination_id=1_000 + number), 0.0, 0.0)


def after_a_round_of_hanging(lines: FairQueue) -> None:
    """Let every workspace of the crowd hang for 15 s, and all of them come again."""
    waiting = [of_crowd(number) for number in range(len(CROWD))]
    now = 0.0
    while waiting or lines.held_count:
        room = lines.rooms().in_all
        for held in waiting[:room]:
            lines.add(held)
        del waiting[:room]
        active = []
        while (held_now := lines.next(now)) is not None:
            active.append(held_now.delivery)
        now += 15.0
        for delivery in active:
            lines.done(delivery, now, timed_out=True)
    for number in range(len(CROWD)):
        if lines.rooms().workspaces.room_of(CROWD[number]).in_all > 0:
            lines.add(of_crowd(number))
            lines.next(now)


def test_any_number_of_workspaces_that_hang_leaves_a_place_for_another() -> None:
    lines = FairQueue(SLOTS)
    after_a_round_of_hanging(lines)
    rooms = lines.rooms().workspaces
    assert rooms.room_of("alice").in_all > 0
    assert rooms.others.in_all > 0
    without_room = [one for one in CROWD if rooms.room_of(one).in_all <= 0]
    assert without_room == CROWD  # those too of which nothing is held: no claim begins with them
    for number in range(20):  # and each time that it comes, not only once
        lines.add(of("alice", 0))
        (delivery,) = taken(lines)
        assert delivery.workspace_id == "alice", number
        lines.done(delivery, 0.0)


def test_a_workspace_that_was_slow_is_let_in_beside_one_that_has_every_place() -> None:
    lines = FairQueue(SLOTS)
    lines.add(of("bob", 0))
    (slow,) = taken(lines)
    lines.done(slow, 15.0, timed_out=True)
    filled(lines, "mallory", destinations=9)
    taken(lines)
    lines.add(of("bob", 0))
    assert owners(taken(lines)) == ["bob"]


def test_a_workspace_counts_as_slow_for_five_minutes() -> None:
    lines = FairQueue(SLOTS)
    lines.add(of("bob", 0))
    (slow,) = taken(lines)
    lines.done(slow, 15.0)
    assert "bob" in lines.rooms().workspaces.of
    lines.next(314.0)
    assert "bob" in lines.rooms().workspaces.of
    lines.next(315.0)
    assert "bob" not in lines.rooms().workspaces.of


@pytest.mark.parametrize("hanging", [16, 300])
def test_room_remains_for_a_newcomer_however_much_another_has_claimed(hanging: int) -> None:
    lines = FairQueue(FairQueueSettings())
    for _ in range(9):
        rooms = lines.rooms()
        room = rooms.workspaces.room_of("mallory").in_all
        for number in range(hanging):
            for _ in range(min(room, rooms.destinations.get(number * 4 + 2, 8))):
                lines.add(of("mallory", number))
                room -= 1
        taken(lines)
    rooms = lines.rooms()
    assert rooms.workspaces.others.in_all > 0
    assert rooms.in_all > 0
    lines.add(of("alice", 1))
    assert owners(taken(lines)) == ["alice"]


class Model:
    """A model that counts deliveries at hand and in flight."""

    def __init__(self, settings: FairQueueSettings) -> None:
        self.settings = settings
        self.waiting: list[Delivery] = []
        self.active: list[Delivery] = []

    def held(self) -> Counter[str]:
        return Counter(one.workspace_id for one in self.active)

    def may_take(self, workspace_id: str) -> bool:
        over = len(self.active) - self.settings.concurrency
        if over < 0:
            return True
        held = self.held()
        others = len(held.keys() - {workspace_id})
        part = max(1, self.settings.reserve // (others + 1))
        return others > 0 and over < self.settings.reserve and held[workspace_id] < part

    def able(self) -> list[Delivery]:
        """Return the deliveries that may go now."""
        at = Counter(one.destination_id for one in self.active)
        each = self.settings.concurrency_each
        return [
            one
            for one in self.waiting
            if at[one.destination_id] < each and self.may_take(one.workspace_id)
        ]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(sorted(JOBS)), st.integers(0, 3)),
        st.tuples(st.just("done"), st.just(""), st.integers(0, 99)),
        st.tuples(st.just("back"), st.sampled_from(sorted(JOBS)), st.integers(0, 3)),
    ),
    max_size=120,
)
settings_ = st.builds(
    FairQueueSettings, concurrency=st.integers(1, 9), concurrency_each=st.integers(1, 4)
)


@given(settings_, steps)
def test_the_able_workspace_that_holds_the_fewest_goes_and_nothing_is_lost(
    settings: FairQueueSettings, script: list[tuple[str, str, int]]
) -> None:
    lines, model = FairQueue(settings), Model(settings)
    for step, workspace_id, number in script:
        if step == "add":
            held = of(workspace_id, number)
            lines.add(held)
            model.waiting.append(held.delivery)
        elif step == "done" and model.active:
            lines.done(model.active.pop(number % len(model.active)), 0.0)
        elif step == "back":
            back = lines.take_back(of(workspace_id, number).delivery.destination_id)
            assert all(one in model.waiting for one in back)
            model.waiting = [one for one in model.waiting if one not in back]
        take_all(lines, model)
        assert lines.active_count == len(model.active)
        assert lines.held_count == len(model.active) + len(model.waiting)
        assert len(model.active) <= settings.concurrency + settings.reserve
        if len(model.held()) == 1:
            assert len(model.active) <= settings.concurrency
    while model.active:
        lines.done(model.active.pop(0), 0.0)
        take_all(lines, model)
    assert not model.waiting
    assert lines.held_count == 0
    assert lines.rooms().workspaces.of == {}


def take_all(lines: FairQueue, model: Model) -> None:
    """Take the deliveries that may go, and compare each with the candidates."""
    while (taken := lines.next(0.0)) is not None:
        one, able, held = taken.delivery, model.able(), model.held()
        assert one in able
        assert held[one.workspace_id] == min(held[other.workspace_id] for other in able)
        model.waiting.remove(one)
        model.active.append(one)
    assert not model.able()
