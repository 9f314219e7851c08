"""Styles as the API shows them, and the request that changes one."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.api.documents.fields import Count, NextCursor, Time, Url, Uuid
from ringback.egress.url import URL_LENGTH_MAX
from ringback.files.artifacts.names import artifact_url
from ringback.styles.model import Member, Style
from ringback.wire.document import iso_time

TITLE_LENGTH_MAX = 200
URLS_MAX = 20
_OTHER_WORKSPACE = "another workspace"

SentUrl = Annotated[Url, Meta(pattern="^[hH][tT]{2}[pP][sS]?://[^/?#]", max_length=URL_LENGTH_MAX)]


class StyleOwnerDocument(Struct, frozen=True, kw_only=True):
    """The member that trained the style."""

    id: Annotated[Uuid, Meta(description="An id that stands for a token.")]
    name: Annotated[str, Meta(description="The workspace's name, if it is your own.")]
    avatar_url: Url | None


class StyleDocument(Struct, frozen=True, kw_only=True):
    """A style that was trained."""

    id: Annotated[
        str,
        Meta(
            description="The id for `styles` of a generation: that of the job that trained it, or "
            "that of a link to it."
        ),
    ]
    title: str | None
    urls: Annotated[list[Url], Meta(description="Pictures that show it.")]
    public: Annotated[bool, Meta(description="True if every workspace may use it.")]
    cover_url: Url | None
    prompt: Annotated[str, Meta(description="A prompt that shows the style.")]
    models: Annotated[
        list[str],
        Meta(description="The models that it was trained for, as the training named them."),
    ]
    owner: StyleOwnerDocument | None
    like_count: Count
    created_at: Time


class StylePageDocument(Struct, frozen=True, kw_only=True):
    """Styles, newest first."""

    items: list[StyleDocument]
    next_cursor: NextCursor


class StyleChangeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The members to change; one that is left out stays, and so does a `public` that is null."""

    public: bool | None = None
    urls: Annotated[list[SentUrl], Meta(max_length=URLS_MAX)] | UnsetType = UNSET
    title: (
        Annotated[str, Meta(min_length=1, max_length=TITLE_LENGTH_MAX, pattern=r"\S")] | UnsetType
    ) = UNSET
    cover_url: SentUrl | UnsetType = UNSET


class ShareLinkDocument(Struct, frozen=True, kw_only=True):
    """A link to a style; knowing it is enough to use the style."""

    share_link: Url
    is_new: bool


class SharedWithDocument(Struct, frozen=True, kw_only=True):
    """The workspace that the style is shared with."""

    id: str
    name: str | None
    is_default: bool


class SharedStyleDocument(Struct, frozen=True, kw_only=True):
    """The style that was shared, and the workspace."""

    style_id: str
    workspace: SharedWithDocument
    success: bool


def style_document(style: Style, name: str, member: Member, *, base_url: str) -> StyleDocument:
    """Return the style as the contract has it, under the name that the request gave.

    A request by a link's id does not reveal the style's own id, so that the link can be closed.
    """
    previews = [artifact_url(artifact, base_url=base_url) for artifact in style.previews]
    urls = previews if style.urls is None else list(style.urls)
    is_own_workspace = style.workspace_id == member.workspace_id
    return StyleDocument(
        id=name,
        title=style.title,
        urls=urls,
        public=style.public,
        cover_url=style.cover_url or (urls[0] if urls else None),
        prompt=style.prompt,
        models=[style.model],
        owner=StyleOwnerDocument(
            id=style.owner_id,
            # Other workspaces must not learn the name.
            name=style.workspace_id if is_own_workspace else _OTHER_WORKSPACE,
            avatar_url=None,
        ),
        like_count=style.likes_count,
        created_at=iso_time(style.created_at_ms),
    )
