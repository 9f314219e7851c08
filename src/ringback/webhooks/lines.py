"""Whose turn it is: claimed deliveries at hand, by destination. Pure; time is handed in."""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count

from msgspec import Struct

from ringback.webhooks.events import PASSING_EVENTS
from ringback.webhooks.model import Delivery
from ringback.webhooks.pace import Pace

_AHEAD = 4  # deliveries at hand per destination, as a multiple of its concurrency
_PACED_AHEAD_S = 2.0  # of a destination with a rate no more is at hand than goes in that time


class LineSettings(Struct, frozen=True, kw_only=True):
    """How many attempts at once and per second, in all and to one destination; rate 0: any."""

    concurrency: int = 256
    concurrency_each: int = 8
    rate: float = 0.0
    rate_each: float = 0.0

    @property
    def at_hand_each(self) -> int:
        """How many deliveries of one destination may be claimed, those in flight included."""
        most = self.concurrency_each * _AHEAD
        return (
            most if not self.rate_each else max(1, min(most, int(self.rate_each * _PACED_AHEAD_S)))
        )

    @property
    def passing_each(self) -> int:
        """How many attempts of passing events one destination may have in flight."""
        return half_of(self.concurrency_each)


def half_of(places: int) -> int:
    """Return how many of a destination's places passing events may take: half, and always one."""
    return max(1, places // 2)


class AtHand(Struct, frozen=True):
    """A claimed delivery, since when, and until when enough of its lease is left; monotonic."""

    delivery: Delivery
    claimed_at: float
    usable_until: float


class _Line:
    """What is held of one destination."""

    def __init__(self, rate: float) -> None:
        self.first: deque[AtHand] = deque()  # all but passing events
        self.passing: deque[AtHand] = deque()
        self.active = 0  # passing events included
        self.active_passing = 0
        self.pace = Pace(rate)
        self.has_turn = False  # it stands in the round, or will when its time has come

    @property
    def is_empty(self) -> bool:
        """Say whether nothing waits in it."""
        return not self.first and not self.passing

    def add(self, held: AtHand) -> None:
        """Put a delivery at the end of its lane."""
        (self.passing if _is_passing(held.delivery) else self.first).append(held)

    def has_next(self, settings: LineSettings) -> bool:
        """Say whether there is one that may go, as far as this destination is concerned."""
        if self.active >= settings.concurrency_each:
            return False
        return bool(self.first or (self.passing and self.active_passing < settings.passing_each))

    def take(self) -> AtHand:
        """Take the one that goes next: a passing event only when nothing else waits."""
        held = self.first.popleft() if self.first else self.passing.popleft()
        self.active += 1
        self.active_passing += _is_passing(held.delivery)
        return held

    def done(self, delivery: Delivery) -> None:
        """Free the place of one that was taken."""
        self.active -= 1
        self.active_passing -= _is_passing(delivery)


def _is_passing(delivery: Delivery) -> bool:
    return delivery.event in PASSING_EVENTS


class Lines:
    """One line for each destination, served in turn.

    No destination has more than its concurrency in flight or exceeds its rate, nor do all of them
    together. A destination that is at its limit costs the others nothing: it is out of the round
    until it has a free place, or until its time has come. Passing events have half of its places
    and wait behind all else, so that a job's end is not held up by news of jobs that still run.
    """

    def __init__(self, settings: LineSettings) -> None:
        self._settings = settings
        self._lines: dict[int, _Line] = {}
        self._round: deque[int] = deque()
        self._later: list[tuple[float, int, int]] = []
        self._numbers = count()
        self._pace = Pace(settings.rate)
        self.active_count = 0
        self.held_count = 0

    @property
    def at_hand_each(self) -> int:
        """How many deliveries of one destination may be claimed, those in flight included."""
        return self._settings.at_hand_each

    @property
    def room(self) -> int:
        """How many more deliveries may be claimed."""
        return max(0, self._settings.concurrency * 2 - self.held_count)

    def rooms(self) -> dict[int, int]:
        """Return how many more may be claimed of each destination that anything is held of."""
        most = self._settings.at_hand_each
        return {
            number: max(0, most - len(line.first) - line.active + line.active_passing)
            for number, line in self._lines.items()
        }

    def passing_rooms(self) -> dict[int, int]:
        """Return how many more passing events may be claimed of each of those destinations."""
        most = half_of(self._settings.at_hand_each)
        return {
            number: max(0, most - len(line.passing) - line.active_passing)
            for number, line in self._lines.items()
        }

    def add(self, held: AtHand) -> None:
        """Put a claimed delivery at the end of its destination's line."""
        number = held.delivery.destination_id
        line = self._lines.get(number)
        if line is None:
            line = self._lines[number] = _Line(self._settings.rate_each)
        line.add(held)
        self.held_count += 1
        self._give_turn(number, line)

    def next(self, now: float) -> AtHand | None:
        """Take the delivery whose turn it is, or None when no place is free or nothing may go."""
        self._call_later_ones(now)
        while self._round and self.active_count < self._settings.concurrency:
            if self._pace.wait_s(now):
                return None
            number = self._round.popleft()
            line = self._lines[number]
            if not line.has_next(self._settings):
                line.has_turn = False
                if line.is_empty and not line.active:
                    del self._lines[number]
                continue
            if wait_s := line.pace.wait_s(now):
                heapq.heappush(self._later, (now + wait_s, next(self._numbers), number))
                continue
            line.pace.take(now)
            self._pace.take(now)
            line.has_turn = False
            held = line.take()
            self.active_count += 1
            self._give_turn(number, line)
            return held
        return None

    def wait_s(self, now: float) -> float | None:
        """Return how long until a rate lets the next go; None when nothing waits for a rate."""
        if not self._later and not self._settings.rate:
            return None
        waits = []
        if self._round and self.active_count < self._settings.concurrency:
            waits.append(self._pace.wait_s(now))
        if self._later:
            waits.append(max(0.0, self._later[0][0] - now))
        return min(waits, default=None)

    def done(self, delivery: Delivery, now: float) -> None:
        """Free the place of a delivery that was taken."""
        number = delivery.destination_id
        line = self._lines[number]
        line.done(delivery)
        self.active_count -= 1
        self.held_count -= 1
        self._give_turn(number, line)
        if line.active or not line.is_empty or line.has_turn:
            return
        if wait_s := line.pace.wait_s(now):
            # Forgotten now, the destination would have a new pace; it is when its time has come.
            line.has_turn = True
            heapq.heappush(self._later, (now + wait_s, next(self._numbers), number))
        else:
            del self._lines[number]

    def take_back(self, destination_id: int) -> list[Delivery]:
        """Empty a destination's line of those that were not taken yet."""
        line = self._lines.get(destination_id)
        if line is None:
            return []
        back = [held.delivery for held in (*line.first, *line.passing)]
        line.first.clear()
        line.passing.clear()
        self.held_count -= len(back)
        if not line.active and not line.has_turn:
            del self._lines[destination_id]
        return back

    def take_all_back(self) -> list[Delivery]:
        """Empty every line of those that were not taken yet."""
        return [delivery for number in list(self._lines) for delivery in self.take_back(number)]

    def _give_turn(self, number: int, line: _Line) -> None:
        if line.has_turn or not line.has_next(self._settings):
            return
        line.has_turn = True
        self._round.append(number)

    def _call_later_ones(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            self._round.append(heapq.heappop(self._later)[2])
