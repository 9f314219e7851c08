"""However long the log is, one look at it is short, and times are sought in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ringback.storage.sqlite import SqliteStore
from ringback.storage.stores import delivery_log
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import DeliveryFilter
from tests.builders import open_workspaces
from tests.storage.contract.test_delivery_log import STUDIO, exhausted, listed, owed

MINUTE_MS = 60_000


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    """A store that looks at three deliveries at a time."""
    monkeypatch.setattr(delivery_log, "WINDOW", 3)
    opened = await SqliteStore.open(tmp_path)
    await open_workspaces(opened, "studio", "rival")
    yield opened
    await opened.close()


@pytest.mark.parametrize("workspace", ["studio", None])
async def test_a_page_looks_at_a_bounded_part_and_says_where_to_go_on(
    store: SqliteStore, workspace: str | None
) -> None:
    rare = await exhausted(store, await owed(store))
    for _ in range(7):
        await owed(store)
    selection = DeliveryFilter(workspace_id=workspace, event="job.failed")  # no index leads there
    pages_count = 1
    page = await store.list_deliveries(selection, limit=5)
    while page.next_seq is not None:
        assert page.items == ()
        page = await store.list_deliveries(selection, limit=5, before_seq=page.next_seq)
        pages_count += 1
    assert pages_count == 3
    found = replace(selection, event=None, status=DeliveryStatus.EXHAUSTED)
    assert await listed(store, found, limit=5) == [rare.delivery_id]


@pytest.mark.parametrize("workspace", ["studio", None])
async def test_times_are_found_in_a_long_log_without_looking_through_it(
    store: SqliteStore, workspace: str | None
) -> None:
    made = {
        minute: (await owed(store, created_at_ms=minute * MINUTE_MS)).delivery_id
        for minute in range(40)
    }
    for minute in range(20, 22):
        await owed(store, workspace="rival", created_at_ms=minute * MINUTE_MS)
    selection = replace(STUDIO, since_ms=10 * MINUTE_MS, before_ms=12 * MINUTE_MS)
    assert await listed(store, selection) == [made[11], made[10]]
    page = await store.list_deliveries(selection, limit=9)
    # From a minute later to a minute earlier: these three, then one more, and no further.
    assert [one.delivery_id for one in page.items] == [made[11], made[10]]
    assert page.next_seq is not None
    rest = await store.list_deliveries(selection, limit=9, before_seq=page.next_seq)
    assert (rest.items, rest.next_seq) == ((), None)
    everywhere = replace(selection, workspace_id=workspace, status=DeliveryStatus.WAITING)
    assert await listed(store, everywhere) == [made[11], made[10]]
    for empty in (
        replace(selection, since_ms=41 * MINUTE_MS, before_ms=None),
        replace(selection, since_ms=None, before_ms=0),
    ):
        assert await listed(store, empty) == []


async def test_a_clock_that_was_set_by_less_than_a_minute_hides_nothing(store: SqliteStore) -> None:
    seconds = [0, 50, 30, 60, 20, 90, 70, 120]
    made = {s: (await owed(store, created_at_ms=s * 1_000)).delivery_id for s in seconds}
    selection = replace(STUDIO, since_ms=50_000, before_ms=80_000)
    assert await listed(store, selection) == [made[70], made[60], made[50]]
