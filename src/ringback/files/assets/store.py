"""The port through which services store assets."""

from __future__ import annotations

from typing import Protocol

from ringback.files.assets.model import Asset


class AssetStore(Protocol):
    """Stores assets durably; every write is one transaction, synced before it returns."""

    async def add_asset(self, asset: Asset, *, bytes_max: int) -> Asset:
        """Store a new asset, or return the one that has its idempotency key.

        Raises ``IdempotencyConflict`` when that one has another fingerprint, and ``AssetsFull``
        when the workspace's assets would exceed ``bytes_max``.
        """

    async def get_asset(self, asset_id: str) -> Asset | None:
        """Return the asset of that id in any workspace, or None."""

    async def asset_of_file(self, artifact: str) -> Asset | None:
        """Return the asset with that artifact in any workspace, or None."""

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        """Return a workspace's assets with ids below that one, newest first."""

    async def delete_asset(self, asset_id: str) -> bool:
        """Delete an asset; return False if there is none of that id."""
