"""Every store keeps assets within their bounds."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ringback.errors import AssetsFull, IdempotencyConflict
from ringback.files.assets.model import Asset
from ringback.jobs.store import JobFilter
from ringback.storage.contract import Store

ROOM = 1_000


def an_asset(number: int = 1, **changes: object) -> Asset:
    """A valid asset; the test names the fields that matter."""
    asset = Asset(
        asset_id=f"01a20ed7-0000-7000-8000-{number:012d}",
        workspace_id="studio",
        artifact=f"file{number}.png",
        media_type="image/png",
        size_bytes=100,
        created_at_ms=1_800_000_000_000 + number,
    )
    return replace(asset, **changes)


async def test_an_asset_is_kept_as_it_was_given(store: Store) -> None:
    asset = an_asset(
        width=640,
        height=480,
        duration_s=2.5,
        frames=75,
        filename="füchsin.mp4",
        description="a fox\nin snow",
        idempotency_key="upload-7",
        fingerprint="abc",
    )
    assert await store.add_asset(asset, bytes_max=ROOM) == asset
    assert await store.get_asset(asset.asset_id) == asset
    assert await store.asset_of_file(asset.artifact) == asset
    assert await store.get_asset("no-such-asset") is None
    assert await store.asset_of_file("no-such-file.png") is None


async def test_assets_are_listed_newest_first_and_below_an_id(store: Store) -> None:
    made = [await store.add_asset(an_asset(number), bytes_max=ROOM) for number in (1, 2, 3)]
    theirs = an_asset(4, workspace_id="rival")
    await store.add_asset(theirs, bytes_max=ROOM)
    assert await store.list_assets("studio", before_id=None, limit=2) == [made[2], made[1]]
    below = made[1].asset_id
    assert await store.list_assets("studio", before_id=below, limit=2) == [made[0]]
    assert await store.list_assets("rival", before_id=None, limit=9) == [theirs]


async def test_a_key_makes_one_asset_in_its_workspace(store: Store) -> None:
    first = an_asset(1, idempotency_key="key", fingerprint="a fox")
    again = replace(first, asset_id=an_asset(2).asset_id, artifact="file2.png")
    other = replace(again, fingerprint="a bear")
    theirs = replace(again, workspace_id="rival")
    assert await store.add_asset(first, bytes_max=ROOM) == first
    assert await store.add_asset(again, bytes_max=ROOM) == first
    with pytest.raises(IdempotencyConflict):
        await store.add_asset(other, bytes_max=ROOM)
    assert await store.add_asset(theirs, bytes_max=ROOM) == theirs
    assert await store.list_assets("studio", before_id=None, limit=9) == [first]


async def test_of_many_with_one_key_one_is_kept(store: Store) -> None:
    requested = [an_asset(number, idempotency_key="key", fingerprint="x") for number in range(8)]
    added = await asyncio.gather(*(store.add_asset(one, bytes_max=ROOM) for one in requested))
    assert len({asset.asset_id for asset in added}) == 1


async def test_a_workspace_keeps_so_many_bytes_and_deleting_makes_room(store: Store) -> None:
    big = an_asset(1, size_bytes=ROOM)
    small = an_asset(2, size_bytes=1)
    await store.add_asset(big, bytes_max=ROOM)
    with pytest.raises(AssetsFull):
        await store.add_asset(small, bytes_max=ROOM)
    await store.add_asset(replace(small, workspace_id="rival"), bytes_max=ROOM)
    assert await store.delete_asset(big.asset_id) is True
    assert await store.delete_asset(big.asset_id) is False
    last = an_asset(3, size_bytes=ROOM)
    assert await store.add_asset(last, bytes_max=ROOM) == last


async def test_of_many_at_once_only_those_are_kept_that_there_is_room_for(store: Store) -> None:
    requested = [an_asset(number, size_bytes=400) for number in range(5)]
    added = await asyncio.gather(
        *(store.add_asset(one, bytes_max=ROOM) for one in requested), return_exceptions=True
    )
    assert sum(isinstance(one, Asset) for one in added) == 2
    assert sum(isinstance(one, AssetsFull) for one in added) == 3


async def test_names_that_nothing_can_have_are_searched_and_not_found(store: Store) -> None:
    assert await store.asset_of_file("\0.jpg") is None
    assert await store.get_asset("\0") is None
    assert await store.get_destination("studio", "listener:\0") is None
    assert await store.list_destinations("studio", limit=9, after_origin="\0") == []
    assert await store.list_jobs(JobFilter(workspace_id="studio", limit=9, types=("\0", "x"))) == []
