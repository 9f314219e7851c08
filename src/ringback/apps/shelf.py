"""What the verbs need remembered about node apps."""

from __future__ import annotations

from typing import Protocol

from ringback.apps.model import AppVersion


class Apps(Protocol):
    """Versions of node apps, durably; every write is one transaction, synced before it returns."""

    async def push_app(self, pushed: AppVersion, *, versions_max: int) -> AppVersion:
        """Keep the next version of an app and return it with its number.

        The latest is returned instead when it is the same. Raises ``TooManyApps`` when the
        workspace keeps that many versions.
        """

    async def get_app(self, version_id: str) -> AppVersion | None:
        """Return that version, of any workspace, or None."""

    async def latest_app(self, workspace_id: str, slug: str) -> AppVersion | None:
        """Return the latest version of a workspace's app, or None."""

    async def list_apps(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[AppVersion]:
        """Return the latest version of each app, those pushed last first, below that id.

        They come without their definitions, which are empty.
        """
