"""The writes of assets, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
from msgspec.structs import asdict

from ringback.assets.model import Asset
from ringback.errors import AssetsFull, IdempotencyConflict
from ringback.storage.sqlite.statements import ASSETS


def add_assets(
    tx: apsw.Connection, items: Sequence[tuple[Asset, int]]
) -> list[Asset | IdempotencyConflict | AssetsFull]:
    """Keep new assets: each keyed one once, each workspace within its bytes."""
    return [_add(tx, asset, bytes_max) for asset, bytes_max in items]


def delete_assets(tx: apsw.Connection, items: Sequence[str]) -> list[bool]:
    """Forget assets, and the room that they took."""
    return [_delete(tx, asset_id) for asset_id in items]


def asset_from(row: Sequence[Any]) -> Asset:
    """Return the asset of a row."""
    return Asset(**dict(zip(Asset.__struct_fields__, row, strict=True)))


def _add(
    tx: apsw.Connection, asset: Asset, bytes_max: int
) -> Asset | IdempotencyConflict | AssetsFull:
    if asset.idempotency_key is not None:
        key = {"workspace_id": asset.workspace_id, "idempotency_key": asset.idempotency_key}
        for row in tx.execute(ASSETS.asset_of_key, key).fetchall():
            before = asset_from(row)
            same = before.fingerprint == asset.fingerprint
            return before if same else IdempotencyConflict()
    asked = {"workspace_id": asset.workspace_id}
    held: list[Any] = tx.execute(ASSETS.assets_bytes, asked).fetchall()
    if sum(row[0] for row in held) + asset.size_bytes > bytes_max:
        return AssetsFull(bytes_max)
    tx.execute(ASSETS.add_asset, asdict(asset))
    _count(tx, asset.workspace_id, asset.size_bytes)
    return asset


def _delete(tx: apsw.Connection, asset_id: str) -> bool:
    gone: list[Any] = tx.execute(ASSETS.delete_asset, {"asset_id": asset_id}).fetchall()
    for workspace_id, size_bytes in gone:
        _count(tx, workspace_id, -size_bytes)
    return bool(gone)


def _count(tx: apsw.Connection, workspace_id: str, by: int) -> None:
    tx.execute(ASSETS.count_assets_bytes, {"workspace_id": workspace_id, "by": by})
