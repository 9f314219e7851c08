"""The store of node apps, on both databases."""

from __future__ import annotations

from ringback.node_apps.model import AppVersion
from ringback.storage.mapping.rows import app_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import node_apps

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlApps(SqlBase):
    """``Apps``."""

    async def push_app(self, pushed: AppVersion, *, versions_max: int) -> AppVersion:
        return await self._call(node_apps.push_app, (pushed, versions_max))

    async def get_app(self, version_id: str) -> AppVersion | None:
        rows = await self._read("apps.get_app", version_id=version_id)
        return app_from(rows[0]) if rows else None

    async def latest_app(self, workspace_id: str, slug: str) -> AppVersion | None:
        rows = await self._read("apps.latest_app", workspace_id=workspace_id, slug=slug)
        return app_from(rows[0]) if rows else None

    async def list_apps(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[AppVersion]:
        rows = await self._scan(
            "apps.list_apps",
            workspace_id=workspace_id,
            before_id=before_id or _ID_AFTER_ALL,
            limit=limit,
        )
        return [app_from(row) for row in rows]
