"""The store of trained styles, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.storage.mapping.style_rows import style_change_row, style_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import styles
from ringback.styles.model import Member, Style, StyleChange, StyleFilter

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlStyles(SqlBase):
    """``Styles``."""

    async def find_style(self, name: str) -> Style | None:
        found = await self.find_styles([name])
        return found[0] if found else None

    async def find_styles(self, names: Sequence[str]) -> list[Style]:
        rows = await self._read("styles.find_styles", names=list(names))
        return [style_from(row) for row in rows]

    async def list_styles(self, selection: StyleFilter) -> list[Style]:
        rows = await self._scan(
            "styles.list_styles",
            workspace_id=selection.member.workspace_id,
            member_id=selection.member.member_id,
            before_id=selection.before_id or _ID_AFTER_ALL,
            ids=None if selection.ids is None else list(selection.ids),
            owner_id=selection.owner_id,
            model=selection.model,
            liked=int(selection.liked),
            own=int(selection.own),
            shared=int(selection.shared),
            public=int(selection.public),
            limit=selection.limit,
        )
        return [style_from(row) for row in rows]

    async def change_style(self, style_id: str, change: StyleChange) -> bool:
        bindings = {"style_id": style_id, **style_change_row(change)}
        return bool(await self._write("styles.change_style", **bindings))

    async def open_link(self, style_id: str, share_id: str) -> bool:
        return bool(await self._write("styles.open_link", style_id=style_id, share_id=share_id))

    async def close_link(self, style_id: str) -> bool:
        return bool(await self._write("styles.close_link", style_id=style_id))

    async def like_style(self, style_id: str, member: Member) -> None:
        await self._write("styles.like_style", style_id=style_id, member_id=member.member_id)

    async def unlike_style(self, style_id: str, member: Member) -> None:
        await self._write("styles.unlike_style", style_id=style_id, member_id=member.member_id)

    async def delete_style(self, style_id: str) -> bool:
        return bool(await self._call(styles.delete_style, (style_id,)))
