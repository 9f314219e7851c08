"""The page of styles: those that the session's member may use, with a way to delete its own."""

from __future__ import annotations

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.paging import next_path, page_start
from ringback.dashboard.presenters.snippets import training
from ringback.dashboard.rendering import picture_path
from ringback.files.artifacts.names import artifact_path
from ringback.http.pagination import split_page
from ringback.service.styles import StyleService
from ringback.styles.model import Member, Style, StyleFilter, member_of, owns

PAGE = 48
_PATH = "/ui/styles"


class ShownStyle(Struct, frozen=True, kw_only=True):
    """One style, its picture on this server, and whether the member may change it."""

    style: Style
    picture: str | None
    is_own: bool
    job_id: str | None  # of the training; None: it belongs to another workspace


class StyleViews:
    """The page that lists styles and deletes them."""

    def __init__(self, styles: StyleService) -> None:
        self._styles = styles

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show a page of the styles that the member may use, newest first."""
        member = _member(request)
        found = await self._styles.list_styles(
            StyleFilter(member=member, limit=PAGE + 1, before_id=page_start(request))
        )
        page, cursor = split_page(found, limit=PAGE, id_of=lambda one: one.style_id)
        return request.page(
            "styles.html",
            styles=[_shown(one, member, request.base_url) for one in page],
            next_path=next_path(_PATH, cursor),
            example=training(
                request.base_url, token=request.workspace_id if request.is_dev else None
            ),
        )

    async def delete(self, request: PageRequest) -> ASGIApp:
        """Delete the member's own style and its files."""
        await self._styles.delete(request.path_params["style_id"], member=_member(request))
        return request.redirect(_PATH, done="file_deleted")


def _member(request: PageRequest) -> Member:
    principal = request.principal
    return member_of(principal.workspace_id, principal.token_id)


def _shown(style: Style, member: Member, base_url: str) -> ShownStyle:
    named = style.cover_url or next(iter(style.urls or ()), None)
    previews = style.previews if style.urls is None else ()
    preview = artifact_path(previews[0]) if previews else None
    is_home = style.workspace_id == member.workspace_id
    return ShownStyle(
        style=style,
        # The pictures that a person chose for a style may be on other servers: the page loads none.
        picture=picture_path(named, base_url) if named else preview,
        is_own=owns(member, style),
        job_id=style.style_id if is_home else None,
    )
