"""Node apps."""

from __future__ import annotations

from ringback.apps.model import AppVersion
from ringback.storage.sql import app_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import app_from

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlApps(SqlBase):
    """``Apps``."""

    async def push_app(self, pushed: AppVersion, *, versions_max: int) -> AppVersion:
        """Keep the next version of an app, or return the latest if it is the same."""
        kept: AppVersion = await self._call(verbs.push_apps, (pushed, versions_max))
        return kept

    async def get_app(self, version_id: str) -> AppVersion | None:
        """Return that version, of any workspace, or None."""
        rows = await self._read("apps.get_app", version_id=version_id)
        return app_from(rows[0]) if rows else None

    async def latest_app(self, workspace_id: str, slug: str) -> AppVersion | None:
        """Return the latest version of a workspace's app, or None."""
        rows = await self._read("apps.latest_app", workspace_id=workspace_id, slug=slug)
        return app_from(rows[0]) if rows else None

    async def list_apps(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[AppVersion]:
        """Return the latest version of each app, those pushed last first, below that id."""
        rows = await self._scan(
            "apps.list_apps",
            workspace_id=workspace_id,
            before_id=before_id or _ID_AFTER_ALL,
            limit=limit,
        )
        return [app_from(row) for row in rows]
