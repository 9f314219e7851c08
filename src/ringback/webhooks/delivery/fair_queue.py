"""Fair queue of claimed deliveries: by workspace first, then by destination. Pure.

Time is handed in. Nothing here waits or sends: the dispatcher asks which delivery goes next, and
how many more of whose it may claim.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import count

from msgspec import Struct

from ringback.concurrency.fair_share import FairShare
from ringback.egress.rate_limiter import RateLimiter
from ringback.webhooks.claim_rooms import (
    ClaimRooms,
    FairQueueSettings,
    Room,
    WorkspaceRooms,
    half_of,
)
from ringback.webhooks.delivery.workspace_turns import SlowWorkspaces, WorkspaceTurns
from ringback.webhooks.events import INTERIM_EVENTS
from ringback.webhooks.model import Delivery

_SLOW_KEPT_S = 300.0  # a workspace counts as slow for so long after an attempt that was
_NOBODY = ""  # stands for every workspace that holds nothing


class Claimed(Struct, frozen=True):
    """A claimed delivery, the time of its claim, and until when its lease suffices; monotonic."""

    delivery: Delivery
    claimed_at: float
    usable_until: float


class _Workspace:
    """The destinations of one workspace that take turns."""

    def __init__(self, workspace_id: str, *, served: int) -> None:
        self.workspace_id = workspace_id
        self.queues: dict[int, _DestinationQueue] = {}
        self.round: deque[_DestinationQueue] = deque()
        self.served = served


class _DestinationQueue:
    """The deliveries at hand for one destination, and how many of them are in flight."""

    def __init__(self, number: int, workspace: _Workspace, *, rate: float) -> None:
        self.number = number
        self.workspace = workspace
        self.first: deque[Claimed] = deque()  # all but interim events
        self.interim: deque[Claimed] = deque()
        self.active = 0  # interim events included
        self.active_interim = 0
        self.limiter = RateLimiter(rate)
        self.has_turn = False  # it stands in the round, or will when its time has come
        self.timed_out = False  # the last attempt

    @property
    def is_empty(self) -> bool:
        """Say whether nothing waits in it."""
        return not self.first and not self.interim

    def add(self, claimed: Claimed) -> None:
        """Put a delivery at the end of its part."""
        (self.interim if _is_interim(claimed.delivery) else self.first).append(claimed)

    def has_next(self, settings: FairQueueSettings) -> bool:
        """Say whether there is one that may go, as far as this destination is concerned."""
        if self.active >= settings.concurrency_each:
            return False
        return bool(self.first or (self.interim and self.active_interim < settings.interim_each))

    def take(self) -> Claimed:
        """Take the one that goes next: an interim event only when nothing else waits."""
        claimed = self.first.popleft() if self.first else self.interim.popleft()
        self.active += 1
        self.active_interim += _is_interim(claimed.delivery)
        return claimed

    def done(self, delivery: Delivery) -> None:
        """Free the slot of a delivery that was taken."""
        self.active -= 1
        self.active_interim -= _is_interim(delivery)

    def most(self, settings: FairQueueSettings) -> int:
        """Return how many deliveries of it may be at hand, those in flight included."""
        return settings.at_hand_timed_out if self.timed_out else settings.at_hand_each

    def room(self, settings: FairQueueSettings, *, ahead: int) -> tuple[int, int]:
        """Return how many more of it may be claimed, and how many of these must wait at hand.

        No more than ``ahead`` of them wait: the others have free slots at the destination.
        """
        claimed = len(self.first) + self.active - self.active_interim
        room = max(0, self.most(settings) - claimed)
        free = max(0, settings.concurrency_each - self.active - len(self.first))
        waiting = min(max(0, room - free), ahead)
        return min(room, free + waiting), waiting

    def interim_room(self, settings: FairQueueSettings) -> int:
        """Return how many more interim events of it may be claimed."""
        claimed = len(self.interim) + self.active_interim
        return max(0, half_of(self.most(settings)) - claimed)


def _is_interim(delivery: Delivery) -> bool:
    return delivery.event in INTERIM_EVENTS


class FairQueue:
    """Queues of claimed deliveries, one for each destination; workspaces share the slots.

    A freed slot goes to the workspace that holds the fewest, of several to the one that was
    served longest ago. A workspace alone may have every slot, and beside it another is let in at
    once by the reserve. Within a workspace, destinations take turns. Workspaces whose attempts take
    long have half of the reserve: any number of them leaves slots for the others.

    No destination has more than its concurrency in flight or exceeds its rate, nor do all of them
    together. A destination that is at its limit costs the others nothing: it is out of the round
    until it has a free slot, or until its time has come. Interim events have half of its slots
    and wait behind all else, so that a job's end is not held up by news of jobs that still run.
    """

    def __init__(self, settings: FairQueueSettings) -> None:
        self.at_hand_each = settings.at_hand_each
        self._settings = settings
        self._slots = FairShare(settings.concurrency, reserve=settings.reserve)
        # Waiting deliveries have a share of their own, and take no slot from those that may go.
        self._waiting = FairShare(settings.concurrency, reserve=settings.reserve)
        self._workspaces: dict[str, _Workspace] = {}
        self._queues: dict[int, _DestinationQueue] = {}
        self._turns = WorkspaceTurns()
        self._slow = SlowWorkspaces(kept_s=_SLOW_KEPT_S)
        self._begun_at: dict[str, float] = {}  # of the deliveries in flight
        self._later: list[tuple[float, int, _DestinationQueue]] = []
        self._numbers = count()
        self._limiter = RateLimiter(settings.rate)

    @property
    def active_count(self) -> int:
        """How many attempts are in flight."""
        return self._slots.held_count

    @property
    def held_count(self) -> int:
        """How many deliveries are at hand, those in flight included."""
        return self._slots.held_count + self._waiting.held_count

    def rooms(self) -> ClaimRooms:
        """Return how many more deliveries may be claimed, of each workspace and destination."""
        destinations: dict[int, int] = {}
        interim: dict[int, int] = {}
        workspaces = {}
        for workspace_id, workspace in self._workspaces.items():
            room = self._room_of(workspace_id)
            ahead = room.ahead
            for left, queue in _countdown(workspace.queues.values()):
                destinations[queue.number], waiting = queue.room(
                    self._settings, ahead=-(-ahead // left)
                )
                ahead -= waiting
                interim[queue.number] = queue.interim_room(self._settings)
            workspaces[workspace_id] = Room(room.in_all, ahead)
        for workspace_id in self._slow:
            if workspace_id not in workspaces:
                workspaces[workspace_id] = self._room_of(workspace_id)
        return ClaimRooms(
            in_all=_free_in(self._slots) + _free_in(self._waiting),
            workspaces=WorkspaceRooms(
                of=workspaces, others=self._room_of(_NOBODY), each=self._settings.at_first_each
            ),
            destinations=destinations,
            interim=interim,
        )

    def _room_of(self, workspace_id: str) -> Room:
        ahead = self._waiting.free_for(workspace_id)
        return Room(self._slots.free_for(workspace_id) + ahead, ahead)

    def add(self, claimed: Claimed) -> None:
        """Put a claimed delivery at the end of its destination's queue."""
        delivery = claimed.delivery
        queue = self._queues.get(delivery.destination_id) or self._new_queue(delivery)
        queue.add(claimed)
        self._waiting.take(delivery.workspace_id)
        self._give_turn(queue)

    def next(self, now: float) -> Claimed | None:
        """Take the delivery whose turn it is, or None when no slot is free or nothing may go."""
        self._call_later_ones(now)
        self._forget_slow_ones(now)
        while (workspace := self._first()) is not None:
            if self._limiter.wait_s(now):
                return None
            queue = self._next_queue(workspace, now)
            if queue is None:
                self._update_turn(workspace)
                continue
            queue.limiter.take(now)
            self._limiter.take(now)
            queue.has_turn = False
            claimed = queue.take()
            self._waiting.give_back(workspace.workspace_id)
            self._slots.take(workspace.workspace_id)
            workspace.served = next(self._numbers)
            self._begun_at[claimed.delivery.delivery_id] = now
            self._give_turn(queue)
            self._update_turn(workspace)
            return claimed
        return None

    def wait_s(self, now: float) -> float | None:
        """Return how long until a rate lets the next go; None when nothing waits for a rate."""
        if not self._later and not self._settings.rate:
            return None
        waits = []
        if self._first() is not None:
            waits.append(self._limiter.wait_s(now))
        if self._later:
            waits.append(max(0.0, self._later[0][0] - now))
        return min(waits, default=None)

    def done(self, delivery: Delivery, now: float, *, timed_out: bool = False) -> None:
        """Free the slot of a delivery that was taken."""
        queue = self._queues[delivery.destination_id]
        queue.done(delivery)
        queue.timed_out = timed_out
        if now - self._begun_at.pop(delivery.delivery_id, now) >= self._settings.slow_s:
            self._set_slow(queue.workspace.workspace_id, now)
        self._slots.give_back(delivery.workspace_id)
        self._give_turn(queue)
        self._update_turn(queue.workspace)
        if queue.active or not queue.is_empty or queue.has_turn:
            return
        if wait_s := queue.limiter.wait_s(now):
            # Forgotten now, the destination would get a new rate limiter: it is forgotten later.
            self._call_later(queue, now + wait_s)
        else:
            self._forget(queue)

    def take_back(self, destination_id: int) -> list[Delivery]:
        """Empty a destination's queue of those that were not taken yet."""
        queue = self._queues.get(destination_id)
        if queue is None:
            return []
        back = [claimed.delivery for claimed in (*queue.first, *queue.interim)]
        queue.first.clear()
        queue.interim.clear()
        for delivery in back:
            self._waiting.give_back(delivery.workspace_id)
        if not queue.active and not queue.has_turn:
            self._forget(queue)
        return back

    def take_all_back(self) -> list[Delivery]:
        """Empty every queue of those that were not taken yet."""
        return [delivery for number in list(self._queues) for delivery in self.take_back(number)]

    # queues of destinations

    def _new_queue(self, delivery: Delivery) -> _DestinationQueue:
        workspace = self._workspaces.get(delivery.workspace_id)
        if workspace is None:
            workspace = _Workspace(delivery.workspace_id, served=next(self._numbers))
            self._workspaces[delivery.workspace_id] = workspace
        number = delivery.destination_id
        queue = _DestinationQueue(number, workspace, rate=self._settings.rate_each)
        self._queues[number] = workspace.queues[number] = queue
        return queue

    def _forget(self, queue: _DestinationQueue) -> None:
        workspace = queue.workspace
        del self._queues[queue.number]
        del workspace.queues[queue.number]
        if not workspace.queues:
            del self._workspaces[workspace.workspace_id]
            self._turns.withdraw(workspace.workspace_id)

    def _give_turn(self, queue: _DestinationQueue) -> None:
        if queue.has_turn or not queue.has_next(self._settings):
            return
        queue.has_turn = True
        self._into_round(queue)

    def _into_round(self, queue: _DestinationQueue) -> None:
        workspace = queue.workspace
        workspace.round.append(queue)
        if workspace.workspace_id not in self._turns:
            self._update_turn(workspace)

    def _next_queue(self, workspace: _Workspace, now: float) -> _DestinationQueue | None:
        """Return the workspace's next destination of which something may go now."""
        while workspace.round:
            queue = workspace.round.popleft()
            if not queue.has_next(self._settings):
                queue.has_turn = False
                if queue.is_empty and not queue.active:
                    self._forget(queue)
            elif wait_s := queue.limiter.wait_s(now):
                self._call_later(queue, now + wait_s)
            else:
                return queue
        return None

    def _call_later(self, queue: _DestinationQueue, at: float) -> None:
        queue.has_turn = True
        heapq.heappush(self._later, (at, next(self._numbers), queue))

    def _call_later_ones(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            self._into_round(heapq.heappop(self._later)[2])

    # turns of workspaces

    def _update_turn(self, workspace: _Workspace) -> None:
        """Give the workspace its turn by how many it holds now, or none if nothing may go."""
        workspace_id = workspace.workspace_id
        if not workspace.round:
            self._turns.withdraw(workspace_id)
            return
        turn = (self._slots.held(workspace_id), workspace.served, workspace_id)
        self._turns.give(turn, is_slow=workspace_id in self._slow)

    def _first(self) -> _Workspace | None:
        """Return the workspace whose turn it is; None when nothing may go or no slot is free."""
        for workspace_id in self._turns.firsts():
            # No other of its kind holds fewer: if it may take no slot, none of them may.
            if self._slots.may_take(workspace_id):
                return self._workspaces[workspace_id]
        return None

    # slow workspaces

    def _set_slow(self, workspace_id: str, now: float) -> None:
        is_new = workspace_id not in self._slow
        self._slow.add(workspace_id, now)
        if is_new:
            self._slowness_changed(workspace_id)

    def _forget_slow_ones(self, now: float) -> None:
        for workspace_id in self._slow.ended(now):
            self._slowness_changed(workspace_id)

    def _slowness_changed(self, workspace_id: str) -> None:
        for share in (self._slots, self._waiting):
            share.set_slow(workspace_id, is_slow=workspace_id in self._slow)
        if (workspace := self._workspaces.get(workspace_id)) is not None:
            self._turns.withdraw(workspace_id)
            self._update_turn(workspace)


def _free_in(share: FairShare) -> int:
    return max(0, share.slots + share.reserve - share.held_count)


def _countdown(queues: Iterable[_DestinationQueue]) -> Iterable[tuple[int, _DestinationQueue]]:
    """Return each queue with the number of queues from it on."""
    all_of_them = list(queues)
    return zip(range(len(all_of_them), 0, -1), all_of_them, strict=True)
