"""The writes of assets, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from ringback.assets.model import Asset
from ringback.errors import AssetsFull, IdempotencyConflict
from ringback.storage.sql.load import load_of
from ringback.storage.sql.rows import asset_from
from ringback.storage.sql.work import Work, first

Added = Asset | IdempotencyConflict | AssetsFull


def add_assets(items: Sequence[tuple[Asset, int]]) -> Work[list[Added]]:
    """Keep new assets: each keyed one once, each workspace within its bytes."""
    results = []
    for asset, bytes_max in items:
        results.append((yield from _add(asset, bytes_max)))
    return results


def delete_assets(items: Sequence[str]) -> Work[list[bool]]:
    """Forget assets, and the room that they took."""
    results = []
    for asset_id in items:
        gone = yield "assets.delete_asset", {"asset_id": asset_id}
        results.append(bool(gone))
        for workspace_id, size_bytes in gone:
            yield from _count(workspace_id, -size_bytes)
    return results


def _add(asset: Asset, bytes_max: int) -> Work[Added]:
    yield from load_of([asset.workspace_id])  # nobody adds another meanwhile
    if (before := (yield from _made_before(asset))) is not None:
        return before if before.fingerprint == asset.fingerprint else IdempotencyConflict()
    ((held_bytes,),) = yield "assets.assets_bytes", {"workspace_id": asset.workspace_id}
    if held_bytes + asset.size_bytes > bytes_max:
        return AssetsFull(bytes_max)
    yield "assets.add_asset", asdict(asset)
    yield from _count(asset.workspace_id, asset.size_bytes)
    return asset


def _made_before(asset: Asset) -> Work[Asset | None]:
    """Return the asset that the same key made, or None."""
    if asset.idempotency_key is None:
        return None
    asked = {"workspace_id": asset.workspace_id, "idempotency_key": asset.idempotency_key}
    row = first((yield "assets.asset_of_key", asked))
    return None if row is None else asset_from(row)


def _count(workspace_id: str, by: int) -> Work[None]:
    yield "assets.count_assets_bytes", {"workspace_id": workspace_id, "by": by}
