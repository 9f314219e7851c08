"""The port through which services store styles; a new one is saved with the end of its job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ringback.styles.model import Member, Style, StyleChange, StyleFilter


class StyleStore(Protocol):
    """Stores styles durably; every write is one transaction, synced before it returns."""

    async def find_style(self, name: str) -> Style | None:
        """Return the style with that id or share id in any workspace, or None."""

    async def find_styles(self, names: Sequence[str]) -> list[Style]:
        """Return the styles with one of these ids or share ids in any workspace."""

    async def list_styles(self, style_filter: StyleFilter) -> list[Style]:
        """Return the styles that match a filter, newest first."""

    async def change_style(self, style_id: str, change: StyleChange) -> bool:
        """Update only the changed fields of a style; return False if it was deleted."""

    async def open_link(self, style_id: str, share_id: str) -> bool:
        """Set a style's share id unless it has one; return False if nothing changed."""

    async def close_link(self, style_id: str) -> bool:
        """Remove a style's share id; return False if it had none."""

    async def like_style(self, style_id: str, member: Member) -> None:
        """Record that a member likes a style; a second time has no effect."""

    async def unlike_style(self, style_id: str, member: Member) -> None:
        """Remove a member's like of a style."""

    async def delete_style(self, style_id: str) -> bool:
        """Delete a style and its likes; return False if there is none of that id."""
