"""Whose deliveries are claimed next, on every store: no workspace hides another's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import cast

from ringback.storage.contract import Store
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions.outbox_writes import Owed, write_outbox
from ringback.storage.transactions.work import TransactionScript
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.webhooks.claim_rooms import Room, WorkspaceRooms
from ringback.webhooks.model import Delivery
from tests.builders import a_delivery, a_job, an_event, open_workspaces
from tests.storage.contract.test_store import LATER, NOW, claim_due

MANY = 10_000
NO_ROOM = Room(0, 0)


async def owe(store: Store, workspace_id: str, *, destinations: int, due_ms: int = 1) -> None:
    """Make a delivery due at each of so many destinations of a workspace."""
    await open_workspaces(store, workspace_id)
    event = an_event(a_job(workspace_id=workspace_id))
    origins = [f"https://{workspace_id}-{number}.example:443" for number in range(destinations)]
    deliveries = [
        a_delivery(
            a_job(workspace_id=workspace_id),
            job_id=event.job_id,
            url=f"{origin}/hook",
            destination=origin,
            next_attempt_at_ms=due_ms,
        )
        for origin in origins
    ]
    await cast("SqlBase", store)._call(_write, (event, deliveries))


def _write(items: Sequence[Owed]) -> TransactionScript[list[None]]:
    counters = yield from lock_counters({event.workspace_id for event, _ in items})
    yield from write_outbox(items, counters)
    return [None] * len(items)


def counts(deliveries: list[Delivery]) -> Counter[str]:
    return Counter(delivery.workspace_id for delivery in deliveries)


async def test_ten_thousand_longer_due_destinations_hide_no_delivery_of_another_workspace(
    store: Store,
) -> None:
    await owe(store, "rival", destinations=MANY)
    await owe(store, "studio", destinations=1, due_ms=NOW)
    claimed = counts(await claim_due(store, 16))
    # An equal part each: what one does not have, the claims that follow it take of the other.
    assert claimed == {"rival": 8, "studio": 1}
    assert counts(await claim_due(store, 16)) == {"rival": 16}


async def test_a_workspace_without_room_hides_no_delivery_of_another(store: Store) -> None:
    await owe(store, "rival", destinations=MANY)
    await owe(store, "studio", destinations=3, due_ms=NOW)
    rooms = WorkspaceRooms(of={"rival": NO_ROOM}, others=Room(2, 0), each=1)
    claimed = await store.claim_due(
        now_ms=NOW, limit=16, limit_each=8, lease_until_ms=LATER, workspaces=rooms
    )
    assert counts(claimed) == {"studio": 2}


async def test_when_only_those_have_room_that_hold_something_theirs_are_claimed(
    store: Store,
) -> None:
    await owe(store, "rival", destinations=MANY)
    await owe(store, "studio", destinations=3, due_ms=NOW)
    rooms = WorkspaceRooms(of={"studio": Room(2, 0)}, others=NO_ROOM, each=1)
    claimed = await store.claim_due(
        now_ms=NOW, limit=16, limit_each=8, lease_until_ms=LATER, workspaces=rooms
    )
    assert counts(claimed) == {"studio": 2}


async def test_workspaces_take_turns_when_there_is_room_for_fewer_than_wait(store: Store) -> None:
    for name in ("a", "b", "c", "d"):
        await owe(store, name, destinations=20)
    claimed = [counts(await claim_due(store, 2)) for _ in range(4)]
    assert sum(claimed, Counter[str]()) == dict.fromkeys("abcd", 2)


async def test_more_workspaces_wait_for_tomorrow_than_a_claim_looks_at_and_hide_nobodys(
    store: Store,
) -> None:
    await asyncio.gather(
        *(owe(store, f"m{n:03}", destinations=1, due_ms=LATER * 2) for n in range(600))
    )
    await owe(store, "rival", destinations=20)
    await owe(store, "zoe", destinations=1, due_ms=NOW)
    claimed: Counter[str] = Counter()
    for _ in range(3):
        claimed += counts(await claim_due(store, 2))
    assert claimed["zoe"] == 1


async def test_what_falls_due_later_is_told_apart_from_what_is_due(store: Store) -> None:
    await owe(store, "rival", destinations=5, due_ms=NOW)
    await owe(store, "studio", destinations=1, due_ms=LATER)
    assert await store.next_due_ms() == NOW
    assert await store.next_due_ms(after_ms=NOW) == LATER
    assert await store.next_due_ms(after_ms=LATER) is None


async def test_what_may_wait_at_hand_is_shared_by_a_workspaces_destinations(store: Store) -> None:
    for _ in range(9):
        await owe(store, "studio", destinations=3)
    rooms = WorkspaceRooms(of={}, others=Room(20, 5), each=2)
    claimed = await store.claim_due(
        now_ms=NOW, limit=99, limit_each=8, lease_until_ms=LATER, workspaces=rooms
    )
    # Each has two places; five more may wait in all, and the first to come has them.
    assert sorted(Counter(one.destination_id for one in claimed).values()) == [2, 2, 7]
