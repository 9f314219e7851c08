"""``/styles``: look for styles, change them, share them, like them, delete them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from starlette.requests import Request

from ringback.api.answers import Answer, encode, ok
from ringback.api.auth import Opened
from ringback.api.bodies import read_object
from ringback.api.cursors import cursor_after
from ringback.api.deps import ApiDeps
from ringback.api.headers import headers_of
from ringback.api.hosts import base_url_of
from ringback.api.style_bodies import read_change, style_filter
from ringback.styles.model import Member, Style, member_of
from ringback.wire.document import iso_time

_LIKE = '{"title": "Ink", "public": false}'
_ELSEWHERE = "another workspace"


class StyleRoutes:
    """The routes of styles that exist."""

    def __init__(self, deps: ApiDeps) -> None:
        self._desk = deps.styles
        self._body_bytes_max = deps.settings.body_bytes_max

    async def list_styles(self, request: Request, opened: Opened) -> Answer:
        """Answer with a page of the styles that the caller may use, newest first."""
        member = _member(opened)
        wanted = style_filter(request.query_params, member=member)
        # One more than asked for tells whether another page follows.
        found = await self._desk.list_styles(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        base_url = base_url_of(request.scope)
        more = len(found) > len(page)
        return ok(
            {
                "items": [
                    style_document(one, one.style_id, member, base_url=base_url) for one in page
                ],
                "next_cursor": cursor_after(page[-1].style_id) if more else None,
            }
        )

    async def get_style(self, request: Request, opened: Opened) -> Answer:
        """Answer with a style, by its id or by the one of a link to it."""
        style = await self._desk.get(_name(request), member=_member(opened))
        return self._answer(request, opened, style)

    async def change_style(self, request: Request, opened: Opened) -> Answer:
        """Change the caller's own style, and answer with it."""
        headers = headers_of(request.scope)
        body = await read_object(headers, request.receive, self._body_bytes_max, like=_LIKE)
        change = read_change(body)
        style = await self._desk.change(_name(request), change, member=_member(opened))
        return self._answer(request, opened, style)

    async def delete_style(self, request: Request, opened: Opened) -> Answer:
        """Delete the caller's own style and its files."""
        await self._desk.delete(_name(request), member=_member(opened))
        return ok({"success": True, "message": "The style and its files are deleted."})

    async def like(self, request: Request, opened: Opened) -> Answer:
        """Have the caller like a style, and answer with it."""
        style = await self._desk.like(_name(request), member=_member(opened), liked=True)
        return self._answer(request, opened, style)

    async def unlike(self, request: Request, opened: Opened) -> Answer:
        """Have the caller like a style no longer, and answer with it."""
        style = await self._desk.like(_name(request), member=_member(opened), liked=False)
        return self._answer(request, opened, style)

    async def share_link(self, request: Request, opened: Opened) -> Answer:
        """Answer with a link to the caller's own style, made now if there was none."""
        link = await self._desk.share_link(_name(request), member=_member(opened))
        url = f"{base_url_of(request.scope)}/styles/{link.share_id}"
        document = {"share_link": url, "is_new": link.is_new}
        return Answer(201 if link.is_new else 200, encode(document))

    async def close_link(self, request: Request, opened: Opened) -> Answer:
        """Let the link to the caller's own style lead nowhere."""
        await self._desk.close_link(_name(request), member=_member(opened))
        return ok({"success": True})

    async def share(self, request: Request, opened: Opened) -> Answer:
        """Let the caller's workspace use the caller's own style."""
        style_id = _name(request)
        await self._desk.share(style_id, member=_member(opened), shared=True)
        workspace = {"id": opened.workspace_id, "name": opened.workspace_id, "is_default": True}
        return ok({"success": True, "style_id": style_id, "workspace": workspace})

    async def unshare(self, request: Request, opened: Opened) -> Answer:
        """Let the caller alone use the caller's own style again."""
        await self._desk.share(_name(request), member=_member(opened), shared=False)
        return ok({"success": True})

    def _answer(self, request: Request, opened: Opened, style: Style) -> Answer:
        base_url = base_url_of(request.scope)
        return ok(style_document(style, _name(request), _member(opened), base_url=base_url))


def style_document(style: Style, name: str, member: Member, *, base_url: str) -> dict[str, Any]:
    """Return the style as the contract has it, under the name that it was asked for by.

    Whoever came by a link learns no other name of it, so that the link can be closed.
    """
    previews = [f"{base_url}/artifacts/{artifact}" for artifact in style.previews]
    urls = previews if style.urls is None else list(style.urls)
    is_at_home = style.workspace_id == member.workspace_id
    return {
        "id": name,
        "title": style.title,
        "urls": urls,
        "public": style.public,
        "cover_url": style.cover_url or (urls[0] if urls else None),
        "prompt": style.prompt,
        "models": [style.model],
        "owner": {
            "id": style.owner_id,
            # What a workspace is called is its own business.
            "name": style.workspace_id if is_at_home else _ELSEWHERE,
            "avatar_url": None,
        },
        "like_count": style.likes_count,
        "created_at": iso_time(style.created_at_ms),
    }


def _member(opened: Opened) -> Member:
    return member_of(opened.workspace_id, opened.token_id)


def _name(request: Request) -> str:
    name: str = request.path_params["style_id"]
    return name
