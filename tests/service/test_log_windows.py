"""However long the log is, one look at it is short."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import open_workspaces
from contract.test_delivery_log import STUDIO, exhausted, listed, owed
from msgspec.structs import replace

from ringback.storage.sqlite import SqliteStore, log
from ringback.webhooks.model import DeliveryStatus


@pytest.mark.parametrize(("since_ms", "before_ms"), [(None, None), (0, None), (None, 2**60)])
async def test_a_page_looks_at_a_bounded_part_and_says_where_to_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    since_ms: int | None,
    before_ms: int | None,
) -> None:
    monkeypatch.setattr(log, "WINDOW", 3)
    store = await SqliteStore.open(tmp_path)
    await open_workspaces(store, "studio")
    rare = await exhausted(store, await owed(store))
    for _ in range(7):
        await owed(store)
    # No index leads to statuses within a time, nor to events.
    wanted = replace(STUDIO, since_ms=since_ms, before_ms=before_ms, event="job.failed")
    pages_count = 1
    page = await store.list_deliveries(wanted, limit=5)
    while page.next is not None:
        assert page.items == ()
        page = await store.list_deliveries(wanted, limit=5, after=page.next)
        pages_count += 1
    assert pages_count == 3
    found = replace(wanted, event=None, status=DeliveryStatus.EXHAUSTED)
    assert await listed(store, found, limit=5) == [rare.delivery_id]
    await store.close()
