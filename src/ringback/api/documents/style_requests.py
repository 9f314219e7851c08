"""Filters and changes of styles, read from requests."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UnsetType

from ringback.api.documents.styles import StyleChangeRequest
from ringback.http import query_params
from ringback.http.pagination import invalid_parameter
from ringback.styles.model import Member, StyleChange, StyleFilter

IDS_MAX = 1_000

_ID_LENGTH_MAX = 80

# The styles of each value of `filter`: own ones, those shared in the workspace, and public ones.
# This server has no operators who pick and approve styles, as the public API has.
_FILTERS = {
    "all": (True, True, True),
    "user": (True, False, False),
    "shared": (False, True, False),
    "community": (False, False, True),
    "gallery": (False, False, True),
    "public": (False, False, True),
    "krea": (False, False, False),
    "unapproved": (False, False, False),
    "editor": (False, False, False),
}
FILTERS = tuple(_FILTERS)


def style_filter(query: Mapping[str, str], *, member: Member) -> StyleFilter:
    """Return the filter of a query, or raise ``InvalidRequest`` naming the wrong parameter."""
    name = query.get("filter", "all")
    if name not in _FILTERS:
        raise invalid_parameter("filter", f"must be one of {', '.join(_FILTERS)}")
    own, shared, public = _FILTERS[name]
    return StyleFilter(
        member=member,
        limit=query_params.limit(query),
        before_id=query_params.cursor_id(query),
        ids=_ids(query.get("ids")),
        owner_id=query.get("user"),
        model=query.get("model"),
        liked=_is_true(query, "liked"),
        own=own,
        shared=shared,
        public=public,
    )


def style_change(request: StyleChangeRequest) -> StyleChange:
    """Return the change that a request describes."""
    title, urls, cover_url = request.title, request.urls, request.cover_url
    return StyleChange(
        title=None if isinstance(title, UnsetType) else title,
        urls=None if isinstance(urls, UnsetType) else tuple(urls),
        cover_url=None if isinstance(cover_url, UnsetType) else cover_url,
        public=request.public,
    )


def _ids(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    ids = tuple(name for part in text.split(",") if (name := part.strip()))
    if len(ids) > IDS_MAX or any(len(name) > _ID_LENGTH_MAX for name in ids):
        raise invalid_parameter("ids", f"must be at most {IDS_MAX} ids with commas between them")
    return ids


def _is_true(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise invalid_parameter(name, "must be true or false")
    return text == "true"
