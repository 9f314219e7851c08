"""A style as a frozen value, and the rules of access to it. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ringback.ids import derived_uuid

_PROMPT = "a picture in the style of {}"


class Member(Struct, frozen=True, kw_only=True):
    """A token of a workspace, and the id under which other members see it."""

    workspace_id: str
    token_id: str
    member_id: str


class Trained(Struct, frozen=True, kw_only=True):
    """The result of a training: the file with the learned style, and preview images."""

    artifact: str
    previews: tuple[str, ...] = ()


class Style(Struct, frozen=True, kw_only=True):
    """One trained style; its id is that of the training job, so that a job creates only one."""

    style_id: str
    workspace_id: str
    owner_id: str  # the member that trained it
    token_id: str  # of that member
    title: str
    prompt: str  # a prompt that shows the style
    model: str  # the model of the training: "flux_dev"
    type: str  # "Style", "Object", "Character" or "Default"
    engine: str  # the only engine that can use its file
    artifact: str
    previews: tuple[str, ...]  # artifacts
    created_at_ms: int
    urls: tuple[str, ...] | None = None  # replace the previews
    cover_url: str | None = None
    public: bool = False  # every workspace of this server may use it
    shared: bool = False  # every member of its workspace may use it
    share_id: str | None = None  # anybody who knows it may use the style
    likes_count: int = 0
    orphaned: bool = False  # its owner's token was revoked


class StyleChange(Struct, frozen=True, kw_only=True):
    """A change of a style; None leaves a field unchanged."""

    title: str | None = None
    urls: tuple[str, ...] | None = None
    cover_url: str | None = None
    public: bool | None = None
    shared: bool | None = None


class StyleFilter(Struct, frozen=True, kw_only=True):
    """A filter over the styles that a member may see."""

    member: Member
    limit: int
    before_id: str | None = None
    ids: tuple[str, ...] | None = None
    owner_id: str | None = None
    model: str | None = None
    liked: bool = False
    own: bool = True
    shared: bool = True
    public: bool = True


def member_of(workspace_id: str, token_id: str | None) -> Member:
    """Return the member of a token; without a token it is the workspace itself."""
    token_id = token_id or ""
    member_id = derived_uuid("member", workspace_id, token_id)
    return Member(workspace_id=workspace_id, token_id=token_id, member_id=member_id)


def owns(member: Member, style: Style) -> bool:
    """Return whether a style belongs to the member.

    The styles of a revoked token belong to the whole workspace, or they would have no owner.
    """
    return style.workspace_id == member.workspace_id and (
        style.owner_id == member.member_id or style.orphaned
    )


def may_see(member: Member, style: Style, *, by: str) -> bool:
    """Return whether a member may see and use a style that it named by the id ``by``."""
    if by == style.share_id:
        return True
    is_at_home = style.workspace_id == member.workspace_id
    return style.public or owns(member, style) or (is_at_home and style.shared)


def style_of(
    trained: Trained,
    inputs: dict[str, Any],
    *,
    job_id: str,
    model: str,
    engine: str,
    owner: Member,
    now_ms: int,
) -> Style:
    """Return the style of a completed training with that input."""
    title = str(inputs["name"])
    return Style(
        style_id=job_id,
        workspace_id=owner.workspace_id,
        owner_id=owner.member_id,
        token_id=owner.token_id,
        title=title,
        prompt=str(inputs.get("trigger_word") or _PROMPT.format(title)),
        model=model.rpartition("/")[2],
        type=str(inputs.get("type") or "Default"),
        engine=engine,
        artifact=trained.artifact,
        previews=trained.previews,
        created_at_ms=now_ms,
    )
