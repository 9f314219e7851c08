"""How claims go round the workspaces."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.jobs.fairness import next_turn, share_of


@pytest.mark.parametrize(("limit", "lanes", "share"), [(1, 1, 1), (8, 1, 8), (8, 3, 3), (3, 3, 1)])
def test_a_lane_gives_its_share_rounded_up(limit: int, lanes: int, share: int) -> None:
    assert share_of(limit, lanes_count=lanes) == share


def test_a_lane_gives_no_more_than_each_may() -> None:
    assert share_of(8, lanes_count=1, each_max=1) == 1
    assert share_of(8, lanes_count=8, each_max=3) == 1


def test_a_claim_that_took_nothing_leaves_the_turn_where_it_was() -> None:
    assert next_turn("b", {}) == "b"


def test_the_next_turn_is_behind_the_workspace_of_the_last_job() -> None:
    assert next_turn("", {"a": 1, "b": 1}) == "b"
    assert next_turn("", {"a": 2, "b": 1}) == "a"
    assert next_turn("b", {"a": 1, "c": 1}) == "a"


@given(st.sets(st.sampled_from("abcdefgh"), min_size=1), st.integers(1, 5))
def test_lanes_that_never_empty_get_the_same_to_within_one(lanes: set[str], limit: int) -> None:
    after, got = "", Counter[str]()
    for _ in range(10 * len(lanes)):
        ahead = sorted(one for one in lanes if one > after) + sorted(
            one for one in lanes if one <= after
        )
        ahead = ahead[:limit]
        order = [one for _ in range(share_of(limit, lanes_count=len(ahead))) for one in ahead]
        claimed = Counter(order[:limit])
        got += claimed
        after = next_turn(after, claimed)
    assert max(got.values()) - min(got[one] for one in lanes) <= 1
