"""Claims of deliveries: whose turn it is, and how many each workspace and destination gives."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.breaker import CLOSED, Breaker
from ringback.webhooks.claim_rooms import ClaimDue, ClaimShares, any_room, in_turn
from ringback.webhooks.model import Destination

NOW = 1_000


def a_claim(**changes: Any) -> ClaimDue:
    limit = changes.get("limit", 10)
    known: dict[str, Any] = {
        "now_ms": NOW,
        "limit": limit,
        "limit_each": 4,
        "lease_until_ms": NOW + 1,
        "rooms": {},
        "interim_rooms": {},
        "workspaces": any_room(limit),
    }
    return ClaimDue(**{**known, **changes})


def a_destination(number: int, workspace_id: str = "studio", **changes: Any) -> Destination:
    known: dict[str, Any] = {"origin": f"https://{number}.example:443", "breaker": CLOSED}
    return Destination(destination_id=number, workspace_id=workspace_id, **{**known, **changes})


def test_workspaces_take_turns_and_the_longest_due_of_each_goes_first() -> None:
    due = [
        a_destination(1, "studio", next_due_at_ms=5),
        a_destination(2, "studio", next_due_at_ms=1),
        a_destination(3, "rival", next_due_at_ms=9),
        a_destination(4, "full", next_due_at_ms=0),
    ]
    rooms = {"studio": 3, "rival": 3, "full": 0}
    assert [one.destination_id for one in in_turn(due, rooms.__getitem__)] == [2, 3, 1]


def test_a_destination_that_recovers_gives_no_more_than_its_flight() -> None:
    paused = a_destination(1, breaker=Breaker(open_until_ms=NOW + 1))
    probed = a_destination(2, breaker=Breaker(open_until_ms=NOW))
    wider = a_destination(3, breaker=Breaker(open_until_ms=NOW, flight=1))
    shares = ClaimShares(a_claim(), workspaces_count=1)
    found = shares.next_candidates(deque([paused, probed, wider]), most=8)
    assert [(one.destination.destination_id, one.most) for one in found] == [(2, 1), (3, 2)]


def test_a_destination_that_is_full_at_the_dispatcher_gives_only_interim_events() -> None:
    shares = ClaimShares(a_claim(rooms={1: 0}, interim_rooms={1: 2}), workspaces_count=1)
    (found,) = shares.next_candidates(deque([a_destination(1)]), most=8)
    assert (found.first, found.interim) == (0, 2)


@given(
    limit=st.integers(1, 50),
    due=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60)), max_size=20),
)
def test_no_workspace_gets_more_than_its_equal_share_and_no_claim_more_than_its_limit(
    limit: int, due: list[tuple[str, int]]
) -> None:
    workspaces_count = len({workspace_id for workspace_id, _ in due})
    shares = ClaimShares(a_claim(limit=limit), workspaces_count=workspaces_count)
    taken: Counter[str] = Counter()
    for number, (workspace_id, count) in enumerate(due):
        taken[workspace_id] += len(shares.take(a_destination(number, workspace_id), range(count)))
    assert taken.total() <= limit
    assert all(count <= -(-limit // workspaces_count) for count in taken.values())
