"""Places that workspaces share: one alone has all, and none keeps another waiting."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.concurrency.fair_limiter import FairLimiter
from ringback.concurrency.fair_share import FairShare
from ringback.testing import settle


def test_a_key_alone_may_take_every_place() -> None:
    share = FairShare(4, reserve=2)
    taken = 0
    while share.may_take("alice"):
        share.take("alice")
        taken += 1
    assert taken == 4


def test_a_key_that_holds_nothing_is_let_in_beside_one_that_holds_all() -> None:
    share = FairShare(4, reserve=2)
    for _ in range(4):
        share.take("mallory")
    assert share.free_for("alice") == 1
    share.take("alice")
    assert not share.may_take("alice")
    assert share.free_for("bob") == 1


def test_a_share_without_places_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        FairShare(0)


@given(
    slots=st.integers(1, 8),
    reserve=st.integers(0, 8),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=80),
)
def test_no_more_places_are_taken_than_there_are(
    slots: int, reserve: int, steps: list[tuple[bool, int]]
) -> None:
    share = FairShare(slots, reserve=reserve)
    for takes, key in steps:
        if takes and share.may_take(key):
            share.take(key)
        elif not takes and share.held(key):
            share.give_back(key)
        assert 0 <= share.held_count <= slots + reserve
        assert share.held_count == sum(share.held(one) for one in range(6))
        newcomer = share.free_for("newcomer")
        assert newcomer >= 1 or share.held_count - slots >= reserve


async def in_turn(limiter: FairLimiter, keys: list[str]) -> list[str]:
    """Return the keys in the order in which they are let through, one at a time."""
    served: list[str] = []

    async def pass_through(key: str) -> None:
        async with limiter.slot(key):
            served.append(key)
            await settle()

    await asyncio.gather(*map(pass_through, keys))
    return served


async def test_keys_take_turns_whoever_came_first_with_many() -> None:
    assert await in_turn(FairLimiter(1), ["mallory"] * 4 + ["alice", "bob"]) == [
        *("mallory", "alice", "bob"),
        *(["mallory"] * 3),
    ]


async def test_a_freed_place_goes_to_the_key_that_holds_the_fewest() -> None:
    limiter = FairLimiter(3)
    async with AsyncExitStack() as mallory, AsyncExitStack() as alice:
        for _ in range(2):
            await mallory.enter_async_context(limiter.slot("mallory"))
        await alice.enter_async_context(limiter.slot("alice"))
        served = asyncio.create_task(in_turn(limiter, ["mallory", "alice"]))
        await settle()
        await alice.aclose()
        assert await served == ["alice", "mallory"]
    assert limiter.held_count == 0


async def test_a_task_that_is_cancelled_while_it_waits_leaves_its_turn_to_others() -> None:
    limiter = FairLimiter(1)
    async with limiter.slot("mallory"):
        gone = asyncio.create_task(in_turn(limiter, ["alice"]))
        stays = asyncio.create_task(in_turn(limiter, ["bob"]))
        await settle()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert await stays == ["bob"]
    assert limiter.held_count == limiter.waiting_count == 0


async def test_a_task_that_is_cancelled_as_it_is_served_gives_its_place_back() -> None:
    limiter = FairLimiter(1)
    async with AsyncExitStack() as mallory:
        await mallory.enter_async_context(limiter.slot("mallory"))
        gone = asyncio.create_task(in_turn(limiter, ["alice"]))
        await settle()
        await mallory.aclose()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert await in_turn(limiter, ["bob"]) == ["bob"]
    assert limiter.held_count == 0


async def test_a_place_that_is_freed_as_its_waiter_is_cancelled_is_free() -> None:
    limiter = FairLimiter(1)
    async with AsyncExitStack() as mallory:
        await mallory.enter_async_context(limiter.slot("mallory"))
        gone = asyncio.create_task(in_turn(limiter, ["alice"]))
        await settle()
        gone.cancel()
        await mallory.aclose()
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert limiter.held_count == limiter.waiting_count == 0


def test_the_keys_that_may_take_no_more_are_known() -> None:
    share = FairShare(2, reserve=1)
    share.take("mallory")
    assert share.full_keys() == []
    share.take("mallory")
    assert share.full_keys() == ["mallory"]
    share.take("alice")
    assert share.full_keys() == ["mallory", "alice"]
