"""The port through which services store node apps."""

from __future__ import annotations

from typing import Protocol

from ringback.node_apps.model import AppVersion


class NodeAppStore(Protocol):
    """Stores versions of node apps durably; every write is one transaction, synced on return."""

    async def push_app(self, pushed: AppVersion, *, versions_max: int) -> AppVersion:
        """Store the next version of an app and return it with its number.

        An identical latest version is returned instead. Raises ``TooManyApps`` when the workspace
        has that many versions.
        """

    async def get_app(self, version_id: str) -> AppVersion | None:
        """Return that version in any workspace, or None."""

    async def latest_app(self, workspace_id: str, slug: str) -> AppVersion | None:
        """Return the latest version of a workspace's app, or None."""

    async def list_apps(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[AppVersion]:
        """Return the latest version of each app below that id, the latest push first.

        Their definitions are left empty.
        """
