"""Identifiers sort by time and are well formed."""

from __future__ import annotations

import random
import uuid

from hypothesis import given
from hypothesis import strategies as st

from ringback.ids import Ids, new_secret, new_token, uuid7_floor


@given(st.lists(st.integers(0, 2**47), min_size=1, max_size=50), st.integers())
def test_ids_rise_even_when_the_clock_steps_back(times: list[int], seed: int) -> None:
    clock = iter(times)
    ids = Ids(lambda: next(clock), random.Random(seed).getrandbits)
    made = [ids.uuid7() for _ in times]
    assert made == sorted(set(made))


def test_an_id_is_a_uuid_of_version_7_with_its_time_in_front() -> None:
    parsed = uuid.UUID(Ids(lambda: 1_700_000_000_123, random.Random(1).getrandbits).uuid7())
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert parsed.int >> 80 == 1_700_000_000_123


def test_a_millisecond_that_runs_out_of_counts_borrows_from_the_next() -> None:
    ids = Ids(lambda: 5, random.Random(1).getrandbits)
    made = [ids.uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_the_floor_of_a_millisecond_parts_earlier_ids_from_its_own() -> None:
    ids = Ids(iter([41, 42]).__next__, random.Random(1).getrandbits)
    earlier, own = ids.uuid7(), ids.uuid7()
    assert earlier < uuid7_floor(42) <= own


def test_tokens_and_secrets_have_their_prefix_and_never_repeat() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert new_token().startswith("rb_")
    assert new_secret().startswith("whsec_")
