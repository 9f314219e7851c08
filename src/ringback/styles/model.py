"""A style as a frozen value, and who may see it and change it: pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ringback.ids import derived_uuid

_PROMPT = "a picture in the style of {}"


class Member(Struct, frozen=True, kw_only=True):
    """Who asks: a token of a workspace, and the id that stands for it where others see it."""

    workspace_id: str
    token_id: str
    member_id: str


class Trained(Struct, frozen=True, kw_only=True):
    """What an engine made of a training: the file that it draws by, and pictures to show it."""

    artifact: str
    previews: tuple[str, ...] = ()


class Style(Struct, frozen=True, kw_only=True):
    """One trained style; it has the id of the job that trained it, so that job makes one."""

    style_id: str
    workspace_id: str
    owner_id: str  # the member whose training it was
    token_id: str  # that the member had
    title: str
    prompt: str  # what to ask for, to see it
    model: str  # that it was trained for, as the training named it: "flux_dev"
    type: str  # "Style", "Object", "Character" or "Default"
    engine: str  # that alone can draw by its file
    artifact: str
    previews: tuple[str, ...]  # artifacts
    created_at_ms: int
    urls: tuple[str, ...] | None = None  # shown in the previews' place
    cover_url: str | None = None
    public: bool = False  # every workspace of this server may use it
    shared: bool = False  # every member of its workspace may use it
    share_id: str | None = None  # by which whoever knows it may use it
    likes_count: int = 0
    orphaned: bool = False  # its owner's token opens nothing any more


class StyleChange(Struct, frozen=True, kw_only=True):
    """What is to be changed of a style; None leaves it as it is."""

    title: str | None = None
    urls: tuple[str, ...] | None = None
    cover_url: str | None = None
    public: bool | None = None
    shared: bool | None = None


class StyleFilter(Struct, frozen=True, kw_only=True):
    """Which styles are asked for, of those that the member may see."""

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
    """Return whom a token stands for; without one, it is the workspace itself."""
    token_id = token_id or ""
    member_id = derived_uuid("member", workspace_id, token_id)
    return Member(workspace_id=workspace_id, token_id=token_id, member_id=member_id)


def owns(member: Member, style: Style) -> bool:
    """Say whether a style is the member's own.

    When a token is revoked, its styles pass to its whole workspace: they would be nobody's.
    """
    return style.workspace_id == member.workspace_id and (
        style.owner_id == member.member_id or style.orphaned
    )


def may_see(member: Member, style: Style, *, by: str) -> bool:
    """Say whether a member may see and use a style that was asked for by this id."""
    if by == style.share_id:
        return True
    is_at_home = style.workspace_id == member.workspace_id
    return style.public or owns(member, style) or (is_at_home and style.shared)


def style_of(
    trained: Trained,
    asked: dict[str, Any],
    *,
    job_id: str,
    model: str,
    engine: str,
    owner: Member,
    now_ms: int,
) -> Style:
    """Return the style that a training of this input made."""
    title = str(asked["name"])
    return Style(
        style_id=job_id,
        workspace_id=owner.workspace_id,
        owner_id=owner.member_id,
        token_id=owner.token_id,
        title=title,
        prompt=str(asked.get("trigger_word") or _PROMPT.format(title)),
        model=model.rpartition("/")[2],
        type=str(asked.get("type") or "Default"),
        engine=engine,
        artifact=trained.artifact,
        previews=trained.previews,
        created_at_ms=now_ms,
    )
