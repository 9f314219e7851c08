"""What the verbs need remembered about assets."""

from __future__ import annotations

from typing import Protocol

from ringback.assets.model import Asset


class Assets(Protocol):
    """Assets, durably; every write is one transaction, synced before it returns."""

    async def add_asset(self, asset: Asset, *, bytes_max: int) -> Asset:
        """Keep a new asset and return it, or the one that its idempotency key made before.

        Raises ``IdempotencyConflict`` when that one had another fingerprint, and ``AssetsFull``
        when the workspace's assets would have more than ``bytes_max`` bytes.
        """

    async def get_asset(self, asset_id: str) -> Asset | None:
        """Return the asset of that id, of any workspace, or None."""

    async def asset_of_file(self, artifact: str) -> Asset | None:
        """Return the asset whose bytes have that name, of any workspace, or None."""

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        """Return a workspace's assets whose ids are below that one, newest first."""

    async def delete_asset(self, asset_id: str) -> bool:
        """Forget an asset; False if there is none of that id."""
