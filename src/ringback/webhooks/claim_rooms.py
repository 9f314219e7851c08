"""Decides how many deliveries of each workspace a claim takes: pure, called in a transaction.

A claim goes round the workspaces that have room, and takes an equal share of each; of each
destination it takes as many as fit, and of one that recovers no more than a flight.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import Struct

from ringback.jobs.fairness import share_of
from ringback.webhooks.breaker import next_flight
from ringback.webhooks.model import Destination

Key = TypeVar("Key")

_AHEAD = 4  # deliveries at hand per destination, as a multiple of its concurrency
_AHEAD_TIMED_OUT = 2  # of one whose last attempt timed out: more would outlast their leases
_PACED_AHEAD_S = 2.0  # of a destination with a rate no more is at hand than goes in that time
_RESERVE_PART = 4  # a quarter more slots are kept for workspaces that hold few


class FairQueueSettings(Struct, frozen=True, kw_only=True):
    """How many attempts at once and per second, in all and to one destination; rate 0: any."""

    concurrency: int = 256
    concurrency_each: int = 8
    rate: float = 0.0
    rate_each: float = 0.0
    slow_s: float = 2.0  # an attempt that takes so long makes its workspace count as slow

    @property
    def reserve(self) -> int:
        """How many further slots there are for workspaces that hold less than an equal part."""
        return max(1, self.concurrency // _RESERVE_PART)

    @property
    def at_hand_each(self) -> int:
        """How many deliveries of one destination may be claimed, those in flight included."""
        return self._at_hand(_AHEAD)

    @property
    def at_hand_timed_out(self) -> int:
        """How many of a destination whose last attempt timed out."""
        return self._at_hand(_AHEAD_TIMED_OUT)

    @property
    def at_first_each(self) -> int:
        """How many may be claimed of a destination without any at hand: one for each slot."""
        return self._at_hand(1)

    def _at_hand(self, multiple: int) -> int:
        most = self.concurrency_each * multiple
        return (
            most if not self.rate_each else max(1, min(most, int(self.rate_each * _PACED_AHEAD_S)))
        )

    @property
    def interim_each(self) -> int:
        """How many attempts of interim events one destination may have in flight."""
        return half_of(self.concurrency_each)


def half_of(slots: int) -> int:
    """Return how many of a destination's slots interim events may take: half, and always one."""
    return max(1, slots // 2)


class Room(Struct, frozen=True):
    """How many more deliveries of one workspace may be claimed."""

    in_all: int
    ahead: int  # of these, those that may wait at hand for destinations that hold nothing yet


class WorkspaceRooms(Struct, frozen=True, kw_only=True):
    """The room of every workspace."""

    of: Mapping[str, Room]  # those of which anything is held
    others: Room  # each other one
    each: int  # deliveries of a destination that do not count as waiting: it has slots for them

    def room_of(self, workspace_id: str) -> Room:
        """Return the room of a workspace."""
        return self.of.get(workspace_id, self.others)


def any_room(limit: int) -> WorkspaceRooms:
    """Return room for any workspace's deliveries, as many as are claimed."""
    return WorkspaceRooms(of={}, others=Room(limit, limit), each=limit)


class ClaimRooms(Struct, frozen=True, kw_only=True):
    """How many more may be claimed in all, of each workspace and of each destination."""

    in_all: int
    workspaces: WorkspaceRooms
    destinations: Mapping[int, int]  # those of which anything is held
    interim: Mapping[int, int]  # interim events of those destinations

    @property
    def is_any(self) -> bool:
        """Say whether any workspace has room."""
        rooms = (self.workspaces.others, *self.workspaces.of.values())
        return self.in_all > 0 and any(room.in_all > 0 for room in rooms)


class ClaimDue(Struct, frozen=True, kw_only=True):
    """A request for due deliveries, by a dispatcher or by a listener's program."""

    now_ms: int
    limit: int
    limit_each: int
    lease_until_ms: int
    rooms: Mapping[int, int]
    interim_rooms: Mapping[int, int]
    workspaces: WorkspaceRooms
    after: str = ""  # the workspace behind which the search begins
    listener: tuple[str, str] | None = None  # its workspace and destination

    def room_of(self, workspace_id: str) -> int:
        """Return how many deliveries of a workspace may be claimed."""
        return self.workspaces.room_of(workspace_id).in_all


class Candidate(NamedTuple):
    """A destination, and how many of its due deliveries a claim may take."""

    destination: Destination
    first: int  # all but interim events
    interim: int
    most: int  # of both together


class ClaimShares:
    """The slots of a claim that are left, for each workspace and in all."""

    def __init__(self, claim: ClaimDue, *, workspaces_count: int) -> None:
        self._claim = claim
        self._share = share_of(claim.limit, lanes_count=max(1, workspaces_count))
        self._taken: Counter[str] = Counter()
        self._ahead: Counter[str] = Counter()  # how many may come to wait at the dispatcher
        self._left = claim.limit

    def take(self, destination: Destination, due: Sequence[Key]) -> Sequence[Key]:
        """Return those of a destination's due deliveries that the claim takes, and count them."""
        workspace_id = destination.workspace_id
        due = due[: max(0, self._left_of(workspace_id))]
        self._taken[workspace_id] += len(due)
        self._left -= len(due)
        return due

    def next_candidates(self, waiting: deque[Destination], *, most: int) -> list[Candidate]:
        """Take the next destinations from a queue: few enough that most of them have slots."""
        candidates: list[Candidate] = []
        left = self._left
        while waiting and left > 0 and len(candidates) < most:
            destination = waiting.popleft()
            if self._left_of(destination.workspace_id) <= 0:
                continue
            candidate = self._candidate(destination)
            if candidate.most > 0:
                candidates.append(candidate)
                left -= candidate.most
        return candidates

    def _left_of(self, workspace_id: str) -> int:
        room = min(self._share, self._claim.room_of(workspace_id))
        return min(self._left, room - self._taken[workspace_id])

    def _candidate(self, destination: Destination) -> Candidate:
        first, interim = self._rooms_at(destination)
        breaker = destination.breaker
        if breaker.is_closed:
            return Candidate(destination, first, interim, first + interim)
        flight = next_flight(breaker, now_ms=self._claim.now_ms)
        return Candidate(destination, min(first, flight), min(interim, flight), flight)

    def _rooms_at(self, destination: Destination) -> tuple[int, int]:
        claim, number = self._claim, destination.destination_id
        if number in claim.rooms:
            first = claim.rooms[number]
            return first, claim.interim_rooms.get(number, half_of(claim.limit_each))
        # The dispatcher holds nothing of it: deliveries without a slot will wait there.
        workspace_id = destination.workspace_id
        ahead = claim.workspaces.room_of(workspace_id).ahead - self._ahead[workspace_id]
        first = min(claim.limit_each, claim.workspaces.each + max(0, ahead))
        interim = claim.interim_rooms.get(number, half_of(first))
        self._ahead[workspace_id] += max(0, first + interim - claim.workspaces.each)
        return first, interim


def in_turn(
    destinations: Iterable[Destination], room_of: Callable[[str], int]
) -> list[Destination]:
    """Return the destinations of workspaces with room: one of each, then another of each.

    Workspaces with the most room go first, for they hold the least; of several the one whose
    destination is longest due. Of each workspace the longest-due destination goes first.
    """
    of_workspace: dict[str, list[Destination]] = {}
    for destination in sorted(destinations, key=_due_ms):
        if room_of(destination.workspace_id) > 0:
            of_workspace.setdefault(destination.workspace_id, []).append(destination)
    order = sorted(of_workspace, key=room_of, reverse=True)
    turns = [
        (nth, position, destination)
        for position, workspace_id in enumerate(order)
        for nth, destination in enumerate(of_workspace[workspace_id])
    ]
    return [destination for _, _, destination in sorted(turns, key=lambda turn: turn[:2])]


def _due_ms(destination: Destination) -> int:
    return max(destination.next_due_at_ms or 0, destination.breaker.open_until_ms or 0)
