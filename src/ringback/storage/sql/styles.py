"""Styles."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.storage.sql import style_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.style_rows import style_change_row, style_from
from ringback.styles.model import Member, Style, StyleChange, StyleFilter

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlStyles(SqlBase):
    """``Styles``."""

    async def find_style(self, name: str) -> Style | None:
        """Return the style of that id or share id, of any workspace, or None."""
        found = await self.find_styles([name])
        return found[0] if found else None

    async def find_styles(self, names: Sequence[str]) -> list[Style]:
        """Return the styles that have one of these ids or share ids, of any workspace."""
        rows = await self._read("styles.find_styles", names=list(names))
        return [style_from(row) for row in rows]

    async def list_styles(self, wanted: StyleFilter) -> list[Style]:
        """Return the styles that a filter holds for, newest first."""
        rows = await self._scan(
            "styles.list_styles",
            workspace_id=wanted.member.workspace_id,
            member_id=wanted.member.member_id,
            before_id=wanted.before_id or _ID_AFTER_ALL,
            ids=None if wanted.ids is None else list(wanted.ids),
            owner_id=wanted.owner_id,
            model=wanted.model,
            liked=int(wanted.liked),
            own=int(wanted.own),
            shared=int(wanted.shared),
            public=int(wanted.public),
            limit=wanted.limit,
        )
        return [style_from(row) for row in rows]

    async def change_style(self, style_id: str, change: StyleChange) -> bool:
        """Write what is changed of a style and nothing else; False if it is gone."""
        asked = {"style_id": style_id, **style_change_row(change)}
        return bool(await self._write("styles.change_style", **asked))

    async def open_link(self, style_id: str, share_id: str) -> bool:
        """Give a style a share id, unless it has one; False if nothing was changed."""
        asked = {"style_id": style_id, "share_id": share_id}
        return bool(await self._write("styles.open_link", **asked))

    async def close_link(self, style_id: str) -> bool:
        """Take a style's share id away; False if it had none."""
        return bool(await self._write("styles.close_link", style_id=style_id))

    async def like_style(self, style_id: str, member: Member) -> None:
        """Count a member's liking of a style, once."""
        asked = {"style_id": style_id, "member_id": member.member_id}
        await self._write("styles.like_style", **asked)

    async def unlike_style(self, style_id: str, member: Member) -> None:
        """Count a member's liking of a style no longer."""
        asked = {"style_id": style_id, "member_id": member.member_id}
        await self._write("styles.unlike_style", **asked)

    async def delete_style(self, style_id: str) -> bool:
        """Forget a style and who liked it; False if there is none of that id."""
        return bool(await self._call(verbs.delete_styles, style_id))
