"""``/styles``: search, change, share, like and delete styles."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.requests import Request

from ringback.api.documents.fields import Deleted, Success
from ringback.api.documents.style_requests import FILTERS, style_change, style_filter
from ringback.api.documents.styles import (
    SharedStyleDocument,
    SharedWithDocument,
    ShareLinkDocument,
    StyleChangeRequest,
    StyleDocument,
    StylePageDocument,
    style_document,
)
from ringback.api.operations import OperationTable, Parameter, Response
from ringback.api.parameters import cursor_before, limit_of
from ringback.api.services import ApiServices
from ringback.http.hosts import base_url_of
from ringback.http.json_bodies import JsonBody
from ringback.http.pagination import split_page
from ringback.http.responses import JsonResponse, encode, ok
from ringback.service.tokens import Principal
from ringback.styles.model import Member, Style, member_of

_CHANGE = JsonBody(
    StyleChangeRequest, {"title": "Ink", "public": False}, owner="a style", members_min=1
)

OPERATIONS = OperationTable(
    "Styles",
    access="principal",
    path_parameters=[
        Parameter(
            name="id",
            description="The style's id, or the id at the end of a link to it.",
            schema={
                "type": "string",
                "minLength": 1,
                "maxLength": 80,
                "pattern": "^[A-Za-z0-9_-]+$",
            },
        )
    ],
)


class StyleRoutes:
    """The routes of trained styles."""

    def __init__(self, services: ApiServices) -> None:
        self._styles = services.styles
        self._body_bytes_max = services.settings.body_bytes_max

    @OPERATIONS(
        "GET /styles",
        "Search styles",
        StylePageDocument,
        query=[
            cursor_before("made"),
            limit_of("styles"),
            Parameter(
                name="ids", description="Only the styles with these ids, with commas between."
            ),
            Parameter(
                name="liked",
                description="Only styles that you like.",
                schema={"type": "boolean", "default": False},
            ),
            Parameter(name="user", description="Only styles of the owner with this id."),
            Parameter(name="model", description="Only styles trained for this model: `flux_dev`."),
            Parameter(
                name="filter",
                description="`all`: styles that you may use; `user`: your own; `shared`: shared "
                "with your workspace; `public`, `community` and `gallery`: shared with everybody. "
                "The other filters find nothing here.",
                schema={"type": "string", "enum": [*FILTERS], "default": "all"},
            ),
        ],
    )
    async def list_styles(self, request: Request, principal: Principal) -> JsonResponse:
        """Return a page of the styles that the principal may use, newest first."""
        member = _member(principal)
        query = style_filter(request.query_params, member=member)
        # One more shows whether another page follows.
        found = await self._styles.list_styles(replace(query, limit=query.limit + 1))
        page, next_cursor = split_page(found, limit=query.limit, id_of=lambda one: one.style_id)
        base_url = base_url_of(request.scope)
        return ok(
            StylePageDocument(
                items=[
                    style_document(one, one.style_id, member, base_url=base_url) for one in page
                ],
                next_cursor=next_cursor,
            )
        )

    @OPERATIONS("GET /styles/{id}", "Get a style", StyleDocument, errors=[404])
    async def get_style(self, request: Request, principal: Principal) -> JsonResponse:
        """Return a style by its id, or by the id of a link to it."""
        style = await self._styles.get(_style_id(request), member=_member(principal))
        return self._response(request, principal, style)

    @OPERATIONS(
        "PATCH /styles/{id}",
        "Change a style",
        StyleDocument,
        body=_CHANGE,
        errors=[404],
        description="Only your own styles.",
    )
    async def change_style(self, request: Request, principal: Principal) -> JsonResponse:
        """Change the principal's own style, and return it."""
        body = await _CHANGE.read(request, bytes_max=self._body_bytes_max)
        change = style_change(body)
        style = await self._styles.change(_style_id(request), change, member=_member(principal))
        return self._response(request, principal, style)

    @OPERATIONS(
        "DELETE /styles/{id}",
        "Delete a style",
        Deleted,
        errors=[404],
        description="Only your own styles. The files are deleted too.",
    )
    async def delete_style(self, request: Request, principal: Principal) -> JsonResponse:
        """Delete the principal's own style and its files."""
        await self._styles.delete(_style_id(request), member=_member(principal))
        return ok(Deleted(success=True, message="The style and its files are deleted."))

    @OPERATIONS(
        "PUT /styles/{id}/like", "Like a style", StyleDocument, name="like_style", errors=[404]
    )
    async def like(self, request: Request, principal: Principal) -> JsonResponse:
        """Like a style, and return it."""
        style = await self._styles.like(_style_id(request), member=_member(principal), liked=True)
        return self._response(request, principal, style)

    @OPERATIONS(
        "DELETE /styles/{id}/like",
        "Stop liking a style",
        StyleDocument,
        name="unlike_style",
        errors=[404],
    )
    async def unlike(self, request: Request, principal: Principal) -> JsonResponse:
        """Remove the like, and return the style."""
        style = await self._styles.like(_style_id(request), member=_member(principal), liked=False)
        return self._response(request, principal, style)

    @OPERATIONS(
        "GET /styles/{id}/share/link",
        "Get a link to a style",
        ShareLinkDocument,
        name="style_share_link",
        also=[
            Response(
                description="A new link.",
                content={"application/json": ShareLinkDocument},
                status=201,
            )
        ],
        errors=[404, 507],
        description="Only your own styles. Any token of this server may get the style by the link, "
        "and use it by the id at the link's end.",
    )
    async def share_link(self, request: Request, principal: Principal) -> JsonResponse:
        """Return the link to the principal's own style, a new one if there was none."""
        link = await self._styles.share_link(_style_id(request), member=_member(principal))
        url = f"{base_url_of(request.scope)}/styles/{link.share_id}"
        document = ShareLinkDocument(share_link=url, is_new=link.is_new)
        return JsonResponse(201 if link.is_new else 200, encode(document))

    @OPERATIONS(
        "DELETE /styles/{id}/share/link",
        "Close the link to a style",
        Success,
        name="close_style_link",
        errors=[404],
    )
    async def close_link(self, request: Request, principal: Principal) -> JsonResponse:
        """Close the link to your own style; its address is then not found."""
        await self._styles.close_link(_style_id(request), member=_member(principal))
        return ok(Success(success=True))

    @OPERATIONS(
        "POST /styles/{id}/share/workspace",
        "Share a style with your workspace",
        SharedStyleDocument,
        name="share_style",
        errors=[404],
    )
    async def share(self, request: Request, principal: Principal) -> JsonResponse:
        """Let every member of your workspace use your own style."""
        style_id = _style_id(request)
        await self._styles.share(style_id, member=_member(principal), shared=True)
        workspace = SharedWithDocument(
            id=principal.workspace_id, name=principal.workspace_id, is_default=True
        )
        return ok(SharedStyleDocument(success=True, style_id=style_id, workspace=workspace))

    @OPERATIONS(
        "DELETE /styles/{id}/share/workspace",
        "Stop sharing a style with your workspace",
        Success,
        name="unshare_style",
        errors=[404],
    )
    async def unshare(self, request: Request, principal: Principal) -> JsonResponse:
        """Stop sharing your own style with your workspace."""
        await self._styles.share(_style_id(request), member=_member(principal), shared=False)
        return ok(Success(success=True))

    def _response(self, request: Request, principal: Principal, style: Style) -> JsonResponse:
        base_url = base_url_of(request.scope)
        return ok(style_document(style, _style_id(request), _member(principal), base_url=base_url))


def _member(principal: Principal) -> Member:
    return member_of(principal.workspace_id, principal.token_id)


def _style_id(request: Request) -> str:
    style_id: str = request.path_params["id"]
    return style_id
