"""Look-ups that wait together share a statement, and each has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from ringback.signing.rotation import SigningKey
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.batched_lookups import BatchedLookups
from ringback.storage.transactions.work import Rows
from ringback.testing import FakeClock, settle


class _Held:
    """Statements that are answered when the test lets them."""

    def __init__(self) -> None:
        self.queries: list[list[tuple[Any, ...]]] = []
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def read(self, _name: str, bound: Mapping[str, Any], _waited_s: float) -> Rows:
        self.queries.append(bound["keys"])
        self.was_asked.set()
        await self.may_answer.wait()
        if ("broken",) in bound["keys"]:
            raise ValueError("broken")
        return [
            (position, 1, key) for position, (key,) in enumerate(bound["keys"], 1) if key != "none"
        ]


async def test_whoever_asks_while_a_look_up_is_under_way_shares_the_next() -> None:
    held = _Held()
    look_ups = BatchedLookups(held.read, FakeClock())

    async def rows(key: str) -> Rows:
        return await look_ups.rows("jobs.get_job", {"job_id": key})

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(rows("a"))
        await held.was_asked.wait()
        rest = [tasks.create_task(rows(key)) for key in ("b", "none", "a", "b")]
        await settle(1)  # until all have asked
        held.may_answer.set()

    assert held.queries == [[("a",)], [("b",), ("none",), ("a",)]]
    assert first.result() == [("a",)]
    assert [one.result() for one in rest] == [[("b",)], [], [("a",)], [("b",)]]


async def test_a_look_up_that_breaks_tells_its_askers_and_no_later_one() -> None:
    held = _Held()
    held.may_answer.set()
    look_ups = BatchedLookups(held.read, FakeClock())

    with pytest.raises(ValueError, match="broken"):
        await look_ups.rows("jobs.get_job", {"job_id": "broken"})

    assert await look_ups.rows("jobs.get_job", {"job_id": "a"}) == [("a",)]


async def test_keys_read_together_stay_their_owners_own_newest_first(dsn: str) -> None:
    store = await PostgresStore.open(dsn)
    for at_ms in range(1, 4):
        for owner in ("a", "b"):
            key = SigningKey(
                key_id=f"{owner}{at_ms}", kind="v1", sealed="whsec_AAAA", created_at_ms=at_ms
            )
            await store.add_key(owner, key, retire_others_at_ms=None)

    found = await asyncio.gather(*(store.keys_of(owner) for owner in ("a", "b", "c", "a")))
    await store.close()

    assert [[key.key_id for key in keys] for keys in found] == [
        ["a3", "a2", "a1"],
        ["b3", "b2", "b1"],
        [],
        ["a3", "a2", "a1"],
    ]
