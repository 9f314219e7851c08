"""The store of assets, on both databases."""

from __future__ import annotations

from ringback.files.assets.model import Asset
from ringback.storage.mapping.rows import asset_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import assets

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlAssets(SqlBase):
    """``Assets``."""

    async def add_asset(self, asset: Asset, *, bytes_max: int) -> Asset:
        return await self._call(assets.add_asset, (asset, bytes_max))

    async def get_asset(self, asset_id: str) -> Asset | None:
        rows = await self._read("assets.get_asset", asset_id=asset_id)
        return asset_from(rows[0]) if rows else None

    async def asset_of_file(self, artifact: str) -> Asset | None:
        rows = await self._read("assets.asset_of_file", artifact=artifact)
        return asset_from(rows[0]) if rows else None

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        rows = await self._scan(
            "assets.list_assets",
            workspace_id=workspace_id,
            before_id=before_id or _ID_AFTER_ALL,
            limit=limit,
        )
        return [asset_from(row) for row in rows]

    async def delete_asset(self, asset_id: str) -> bool:
        return bool(await self._call(assets.delete_asset, (asset_id,)))
