"""Turns of interim and terminal events, for any arrivals in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.claim_rooms import FairQueueSettings, half_of
from ringback.webhooks.delivery.fair_queue import Claimed, FairQueue
from ringback.webhooks.model import Delivery
from tests.builders import a_delivery, a_job

JOB = a_job()
EVENTS = ("job.completed", "job.progress", "job.started", "endpoint.test")

settings_ = st.builds(
    FairQueueSettings,
    concurrency=st.integers(1, 6),
    concurrency_each=st.integers(1, 5),
)
additions = st.tuples(st.integers(1, 3), st.sampled_from(EVENTS))
steps = st.lists(st.one_of(additions, st.sampled_from(["next", "done", "back"])), max_size=60)


def is_passing(delivery: Delivery) -> bool:
    return delivery.event in ("job.progress", "job.started")


class Model:
    """A model that counts deliveries at hand and in flight."""

    def __init__(self, settings: FairQueueSettings) -> None:
        self.settings = settings
        self.waiting: list[Delivery] = []
        self.active: list[Delivery] = []

    def active_at(self, number: int, *, interim: bool = False) -> int:
        return sum(
            one.destination_id == number and (is_passing(one) or not interim) for one in self.active
        )

    def may_go(self, one: Delivery) -> bool:
        number = one.destination_id
        if self.active_at(number) >= self.settings.concurrency_each:
            return False
        most = half_of(self.settings.concurrency_each)
        return not is_passing(one) or self.active_at(number, interim=True) < most


@given(settings_, steps)
def test_limits_hold_ends_go_before_news_and_whatever_may_go_goes(
    settings: FairQueueSettings, script: list[tuple[int, str] | str]
) -> None:
    lines, model = FairQueue(settings), Model(settings)
    for step in script:
        if isinstance(step, tuple):
            number, event = step
            delivery = a_delivery(JOB, destination_id=number, event=event)
            lines.add(Claimed(delivery, 0.0, 0.0))
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
    assert lines.rooms().destinations == {}


def take(lines: FairQueue, model: Model) -> bool:
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


def assert_rooms_are_true(lines: FairQueue, model: Model) -> None:
    most = model.settings.at_hand_each
    rooms = lines.rooms()
    held = [*model.waiting, *model.active]
    for number in {one.destination_id for one in held}:
        of_it = [one for one in held if one.destination_id == number]
        interim = sum(map(is_passing, of_it))
        first_waiting = sum(
            one.destination_id == number and not is_passing(one) for one in model.waiting
        )
        free = model.settings.concurrency_each - model.active_at(number) - first_waiting
        # However much news is at hand, it takes no room from what is to be claimed first.
        room = max(0, most - (len(of_it) - interim))
        assert min(room, max(0, free)) <= rooms.destinations[number] <= room
        assert rooms.interim[number] == max(0, half_of(most) - interim)
