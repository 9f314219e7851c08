"""The writes of assets, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from msgspec.structs import asdict

from ringback.errors import AssetsFull, IdempotencyConflict
from ringback.files.assets.model import Asset
from ringback.storage.mapping.rows import asset_from
from ringback.storage.transactions.work import TransactionScript, first, for_each
from ringback.storage.transactions.workspace_counters import lock_counters

Added = Asset | IdempotencyConflict | AssetsFull


@for_each
def add_asset(asset: Asset, bytes_max: int) -> TransactionScript[Added]:
    """Keep a new asset: each idempotency key makes one, each workspace stays within its bytes."""
    yield from lock_counters([asset.workspace_id])  # no other is added meanwhile
    if (before := (yield from _made_before(asset))) is not None:
        return before if before.fingerprint == asset.fingerprint else IdempotencyConflict()
    ((held_bytes,),) = yield "assets.assets_bytes", {"workspace_id": asset.workspace_id}
    if held_bytes + asset.size_bytes > bytes_max:
        return AssetsFull(bytes_max)
    yield "assets.add_asset", asdict(asset)
    yield from _count(asset.workspace_id, asset.size_bytes)
    return asset


@for_each
def delete_asset(asset_id: str) -> TransactionScript[bool]:
    """Delete an asset, and free its bytes."""
    rows = yield "assets.delete_asset", {"asset_id": asset_id}
    for workspace_id, size_bytes in rows:
        yield from _count(workspace_id, -size_bytes)
    return bool(rows)


def _made_before(asset: Asset) -> TransactionScript[Asset | None]:
    """Return the asset that the same key made, or None."""
    if asset.idempotency_key is None:
        return None
    bindings = {"workspace_id": asset.workspace_id, "idempotency_key": asset.idempotency_key}
    row = first((yield "assets.asset_of_key", bindings))
    return None if row is None else asset_from(row)


def _count(workspace_id: str, by: int) -> TransactionScript[None]:
    yield "assets.count_assets_bytes", {"workspace_id": workspace_id, "by": by}
