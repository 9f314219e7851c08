"""The style service lists, changes, shares, likes and deletes styles.

A new style is written with the end of its training job, by the job service.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from ringback.errors import FieldError, InvalidRequest, StyleNotFound, StyleNotOwned
from ringback.files.artifacts.contract import ArtifactStore
from ringback.ids import new_share_id
from ringback.log import get_logger
from ringback.styles.model import Member, Style, StyleChange, StyleFilter, may_see, owns
from ringback.styles.store import StyleStore

log = get_logger(__name__)

_STYLES_MAX = 32  # in one request


class ShareLink(Struct, frozen=True, kw_only=True):
    """The share id that lets anybody use a style, and whether it was made now."""

    share_id: str
    is_new: bool


class StyleService:
    """The operations on styles; ``engines`` are those that use the style files of this server.

    Other engines get the ids unchecked, because a provider has styles of its own.
    """

    def __init__(
        self, styles: StyleStore, *, artifacts: ArtifactStore, engines: Collection[str]
    ) -> None:
        self._styles = styles
        self._artifacts = artifacts
        self._engines = frozenset(engines)

    async def get(self, name: str, *, member: Member) -> Style:
        """Return a style that the member may see, or raise ``StyleNotFound``."""
        style = await self._styles.find_style(name)
        if style is None or not may_see(member, style, by=name):
            raise StyleNotFound
        return style

    async def list_styles(self, style_filter: StyleFilter) -> list[Style]:
        """Return a page of the styles that the member may see, newest first."""
        return await self._styles.list_styles(style_filter)

    async def check_usable(
        self, named: Sequence[tuple[str, str]], *, member: Member, engine: str
    ) -> None:
        """Raise ``InvalidRequest`` for the paths whose styles the member or the engine cannot use.

        A missing style and another member's style get the same error.
        """
        if engine not in self._engines:
            return
        if len(named) > _STYLES_MAX:
            many = f"may have {_STYLES_MAX} items at most"
            raise InvalidRequest(f"styles {many}.", [FieldError("/styles", many)])
        styles = await self._usable({name for _, name in named}, member)
        faults = [
            FieldError(path, fault)
            for path, name in named
            if (fault := _fault(styles.get(name), engine)) is not None
        ]
        if faults:
            raise InvalidRequest(f"{faults[0].path[1:]} {faults[0].message}.", faults)

    async def change(self, style_id: str, change: StyleChange, *, member: Member) -> Style:
        """Change the member's own style, or raise ``StyleNotFound``."""
        await self._own(style_id, member)
        await self._styles.change_style(style_id, change)
        return await self._own(style_id, member)

    async def share_link(self, style_id: str, *, member: Member) -> ShareLink:
        """Return the share link of the member's own style; the first call creates it."""
        style = await self._own(style_id, member)
        if style.share_id is None:
            share_id = new_share_id()
            if await self._styles.open_link(style_id, share_id):
                log.info("style_shared", style_id=style_id, by="link")
                return ShareLink(share_id=share_id, is_new=True)
            style = await self._own(style_id, member)  # another request was faster
        if style.share_id is None:
            raise StyleNotFound
        return ShareLink(share_id=style.share_id, is_new=False)

    async def close_link(self, style_id: str, *, member: Member) -> None:
        """Close the share link of the member's own style."""
        await self._own(style_id, member)
        await self._styles.close_link(style_id)

    async def share(self, style_id: str, *, member: Member, shared: bool) -> None:
        """Share the member's own style with its workspace, or end that.

        Raises ``StyleNotOwned`` where the member may see the style, and ``StyleNotFound``.
        """
        style = await self.get(style_id, member=member)
        if not owns(member, style) or style_id != style.style_id:
            raise StyleNotOwned
        if not shared and not style.shared:
            raise StyleNotFound
        if not await self._styles.change_style(style_id, StyleChange(shared=shared)):
            raise StyleNotFound
        log.info("style_shared", style_id=style_id, by="workspace", shared=shared)

    async def like(self, name: str, *, member: Member, liked: bool) -> Style:
        """Add or remove the member's like of a style; return the style after it."""
        style = await self.get(name, member=member)
        if liked:
            await self._styles.like_style(style.style_id, member)
        else:
            await self._styles.unlike_style(style.style_id, member)
        return await self.get(name, member=member)

    async def delete(self, style_id: str, *, member: Member) -> None:
        """Delete the member's own style, its files first: a crash between leaves a row to go by."""
        style = await self._own(style_id, member)
        for artifact in (style.artifact, *style.previews):
            await self._artifacts.delete(artifact)
        if await self._styles.delete_style(style_id):
            log.info("style_deleted", style_id=style_id)

    async def _usable(self, names: Collection[str], member: Member) -> dict[str, Style]:
        """Return the styles that the member may use, by id and by share id."""
        return {
            name: style
            for style in await self._styles.find_styles(sorted(names))
            for name in names
            if name in (style.style_id, style.share_id) and may_see(member, style, by=name)
        }

    async def _own(self, style_id: str, member: Member) -> Style:
        style = await self.get(style_id, member=member)
        # A share id opens a style for use only, also to its owner.
        if not owns(member, style) or style_id != style.style_id:
            raise StyleNotFound
        return style


def _fault(style: Style | None, engine: str) -> str | None:
    """Return why the engine cannot use a style, or None."""
    if style is None:
        return "is no style that you may use; GET /styles lists them"
    if style.engine != engine:
        return f"was trained by the engine {style.engine}, and this model is drawn by {engine}"
    return None
