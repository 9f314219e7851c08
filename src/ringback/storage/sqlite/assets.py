"""Assets in SQLite."""

from __future__ import annotations

from ringback.assets.model import Asset
from ringback.storage.sqlite import asset_verbs as verbs
from ringback.storage.sqlite.asset_verbs import asset_from
from ringback.storage.sqlite.base import SqliteBase
from ringback.storage.sqlite.statements import ASSETS

_AFTER_ALL_IDS = "~"


class SqliteAssets(SqliteBase):
    """``Assets``."""

    async def add_asset(self, asset: Asset, *, bytes_max: int) -> Asset:
        """Keep a new asset and return it, or the one that its idempotency key made before."""
        added: Asset = await self._writer.call(verbs.add_assets, (asset, bytes_max))
        return added

    async def get_asset(self, asset_id: str) -> Asset | None:
        """Return the asset of that id, of any workspace, or None."""
        rows = self._read(ASSETS.get_asset, asset_id=asset_id)
        return asset_from(rows[0]) if rows else None

    async def asset_of_file(self, artifact: str) -> Asset | None:
        """Return the asset whose bytes have that name, of any workspace, or None."""
        rows = self._read(ASSETS.asset_of_file, artifact=artifact)
        return asset_from(rows[0]) if rows else None

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        """Return a workspace's assets whose ids are below that one, newest first."""
        rows = await self._scan(
            ASSETS.list_assets,
            workspace_id=workspace_id,
            before_id=before_id or _AFTER_ALL_IDS,
            limit=limit,
        )
        return [asset_from(row) for row in rows]

    async def delete_asset(self, asset_id: str) -> bool:
        """Forget an asset; False if there is none of that id."""
        return bool(await self._writer.call(verbs.delete_assets, asset_id))
