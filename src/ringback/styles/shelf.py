"""What the verbs need remembered about styles; a new one is written with the end of its job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ringback.styles.model import Member, Style, StyleChange, StyleFilter


class Styles(Protocol):
    """Styles, durably; every write is one transaction, synced before it returns."""

    async def find_style(self, name: str) -> Style | None:
        """Return the style of that id or share id, of any workspace, or None."""

    async def find_styles(self, names: Sequence[str]) -> list[Style]:
        """Return the styles that have one of these ids or share ids, of any workspace."""

    async def list_styles(self, wanted: StyleFilter) -> list[Style]:
        """Return the styles that a filter holds for, newest first."""

    async def change_style(self, style_id: str, change: StyleChange) -> bool:
        """Write what is changed of a style and nothing else; False if it is gone."""

    async def open_link(self, style_id: str, share_id: str) -> bool:
        """Give a style a share id, unless it has one; False if nothing was changed."""

    async def close_link(self, style_id: str) -> bool:
        """Take a style's share id away; False if it had none."""

    async def like_style(self, style_id: str, member: Member) -> None:
        """Count a member's liking of a style, once."""

    async def unlike_style(self, style_id: str, member: Member) -> None:
        """Count a member's liking of a style no longer."""

    async def delete_style(self, style_id: str) -> bool:
        """Forget a style and who liked it; False if there is none of that id."""
