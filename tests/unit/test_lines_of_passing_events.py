"""Whose turn it is, whatever comes in whatever order."""

from __future__ import annotations

from builders import a_delivery, a_job
from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.lines import AtHand, Lines, LineSettings, half_of
from ringback.webhooks.model import Delivery

JOB = a_job()
EVENTS = ("job.completed", "job.progress", "job.started", "endpoint.test")

settings_ = st.builds(
    LineSettings,
    concurrency=st.integers(1, 6),
    concurrency_each=st.integers(1, 5),
)
additions = st.tuples(st.integers(1, 3), st.sampled_from(EVENTS))
steps = st.lists(st.one_of(additions, st.sampled_from(["next", "done", "back"])), max_size=60)


def is_passing(delivery: Delivery) -> bool:
    return delivery.event in ("job.progress", "job.started")


class Model:
    """What is at hand and in flight, counted plainly."""

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        self.waiting: list[Delivery] = []
        self.active: list[Delivery] = []

    def active_at(self, number: int, *, passing: bool = False) -> int:
        return sum(
            one.destination_id == number and (is_passing(one) or not passing) for one in self.active
        )

    def may_go(self, one: Delivery) -> bool:
        number = one.destination_id
        if self.active_at(number) >= self.settings.concurrency_each:
            return False
        most = half_of(self.settings.concurrency_each)
        return not is_passing(one) or self.active_at(number, passing=True) < most


@given(settings_, steps)
def test_limits_hold_ends_go_before_news_and_whatever_may_go_goes(
    settings: LineSettings, script: list[tuple[int, str] | str]
) -> None:
    lines, model = Lines(settings), Model(settings)
    for step in script:
        if isinstance(step, tuple):
            number, event = step
            delivery = a_delivery(JOB, destination_id=number, event=event)
            lines.add(AtHand(delivery, 0.0, 0.0))
            model.waiting.append(delivery)
        elif step == "next":
            take(lines, model)
        elif step == "done" and model.active:
            lines.done(model.active.pop(0), 0.0)
        elif step == "back":
            back = lines.take_back(1)
            assert {one.delivery_id for one in back} == {
                one.delivery_id for one in model.waiting if one.destination_id == 1
            }
            model.waiting = [one for one in model.waiting if one.destination_id != 1]
        assert lines.active_count == len(model.active)
        assert lines.held_count == len(model.active) + len(model.waiting)
        assert_rooms_are_true(lines, model)
    while model.waiting or model.active:  # everything goes in the end
        while take(lines, model):
            pass
        lines.done(model.active.pop(0), 0.0)
    assert lines.next(0.0) is None
    assert lines.rooms() == {}


def take(lines: Lines, model: Model) -> bool:
    full = len(model.active) >= model.settings.concurrency
    able = [] if full else [one for one in model.waiting if model.may_go(one)]
    held = lines.next(0.0)
    if held is None:
        assert not able
        return False
    taken = held.delivery
    assert taken in able
    if is_passing(taken):
        assert not any(
            one.destination_id == taken.destination_id and not is_passing(one)
            for one in model.waiting
        )
    model.waiting.remove(taken)
    model.active.append(taken)
    return True


def assert_rooms_are_true(lines: Lines, model: Model) -> None:
    most = model.settings.at_hand_each
    rooms, passing_rooms = lines.rooms(), lines.passing_rooms()
    held = [*model.waiting, *model.active]
    for number in {one.destination_id for one in held}:
        of_it = [one for one in held if one.destination_id == number]
        passing = sum(map(is_passing, of_it))
        # However much news is at hand, it takes no room from what is to be claimed first.
        assert rooms[number] == max(0, most - (len(of_it) - passing))
        assert passing_rooms[number] == max(0, half_of(most) - passing)
