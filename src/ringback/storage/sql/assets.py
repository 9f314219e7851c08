"""Assets."""

from __future__ import annotations

from ringback.assets.model import Asset
from ringback.storage.sql import asset_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import asset_from

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlAssets(SqlBase):
    """``Assets``."""

    async def add_asset(self, asset: Asset, *, bytes_max: int) -> Asset:
        """Keep a new asset and return it, or the one that its idempotency key made before."""
        added: Asset = await self._call(verbs.add_assets, (asset, bytes_max))
        return added

    async def get_asset(self, asset_id: str) -> Asset | None:
        """Return the asset of that id, of any workspace, or None."""
        rows = await self._read("assets.get_asset", asset_id=asset_id)
        return asset_from(rows[0]) if rows else None

    async def asset_of_file(self, artifact: str) -> Asset | None:
        """Return the asset whose bytes have that name, of any workspace, or None."""
        rows = await self._read("assets.asset_of_file", artifact=artifact)
        return asset_from(rows[0]) if rows else None

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        """Return a workspace's assets whose ids are below that one, newest first."""
        rows = await self._scan(
            "assets.list_assets",
            workspace_id=workspace_id,
            before_id=before_id or _ID_AFTER_ALL,
            limit=limit,
        )
        return [asset_from(row) for row in rows]

    async def delete_asset(self, asset_id: str) -> bool:
        """Forget an asset; False if there is none of that id."""
        return bool(await self._call(verbs.delete_assets, asset_id))
