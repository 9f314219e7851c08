"""What clients send about styles, read strictly: every wrong field is named, by its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringback.api import queries
from ringback.api.cursors import before_id
from ringback.catalogue.schemas import compiled
from ringback.errors import FieldError, InvalidRequest
from ringback.styles.model import Member, StyleChange, StyleFilter

TITLE_LENGTH_MAX = 200
URLS_MAX = 20
URL_LENGTH_MAX = 2_048
IDS_MAX = 1_000

_ID_LENGTH_MAX = 80
_SHOWN_LENGTH_MAX = 80
_DETAILS_MAX = 20
_URL = {
    "type": "string",
    "format": "uri",
    "pattern": "^[hH][tT]{2}[pP][sS]?://[^/?#]",
    "maxLength": URL_LENGTH_MAX,
}
_is_url = compiled(_URL).is_valid
_A_URL = f"must be an http(s) URL of at most {URL_LENGTH_MAX} characters"

# Which styles each value of `filter` stands for: own ones, those shared in the workspace, and
# those that are public. What the public API's operators pick and approve nobody does here.
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
    """Return which styles are asked for, or raise ``InvalidRequest`` naming the parameter."""
    cursor = query.get("cursor")
    name = query.get("filter", "all")
    if name not in _FILTERS:
        raise queries.invalid("filter", f"must be one of {', '.join(_FILTERS)}")
    own, shared, public = _FILTERS[name]
    return StyleFilter(
        member=member,
        limit=queries.limit(query),
        before_id=None if cursor is None else before_id(cursor),
        ids=_ids(query.get("ids")),
        owner_id=query.get("user"),
        model=query.get("model"),
        liked=_is_true(query, "liked"),
        own=own,
        shared=shared,
        public=public,
    )


def read_change(body: Mapping[str, Any]) -> StyleChange:
    """Return what is to be changed, or raise ``InvalidRequest`` naming each wrong field."""
    faults = [
        FieldError(f"/{name[:_SHOWN_LENGTH_MAX]}", f"is not a field here; use {_NAMES}")
        for name in body
        if name not in _READERS
    ]
    if not body:
        faults.append(FieldError("", f"has nothing to change; use {_NAMES}"))
    for name, wrong in _READERS.items():
        if name in body and (what := wrong(body[name])) is not None:
            faults.append(FieldError(f"/{name}", what))
    if faults:
        subject = faults[0].path[1:] or "The body"
        raise InvalidRequest(f"{subject} {faults[0].message}.", faults[:_DETAILS_MAX])
    urls = body.get("urls")
    return StyleChange(
        title=body.get("title"),
        urls=None if urls is None else tuple(urls),
        cover_url=body.get("cover_url"),
        public=body.get("public"),
    )


def _wrong_public(value: object) -> str | None:
    return None if value is None or isinstance(value, bool) else "must be true, false or null"


def _wrong_urls(value: object) -> str | None:
    if not isinstance(value, list) or len(value) > URLS_MAX:
        return f"must be a list of at most {URLS_MAX} URLs"
    return None if all(_is_url(url) for url in value) else f"has an item that {_A_URL}"


def _wrong_title(value: object) -> str | None:
    if isinstance(value, str) and value.strip() and len(value) <= TITLE_LENGTH_MAX:
        return None
    return f"must be a text of 1 to {TITLE_LENGTH_MAX} characters"


def _wrong_cover(value: object) -> str | None:
    return None if _is_url(value) else _A_URL


_READERS: dict[str, Callable[[object], str | None]] = {
    "public": _wrong_public,
    "urls": _wrong_urls,
    "title": _wrong_title,
    "cover_url": _wrong_cover,
}
_NAMES = ", ".join(_READERS)


def _ids(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    named = tuple(name for part in text.split(",") if (name := part.strip()))
    if len(named) > IDS_MAX or any(len(name) > _ID_LENGTH_MAX for name in named):
        raise queries.invalid("ids", f"must be at most {IDS_MAX} ids with commas between them")
    return named


def _is_true(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise queries.invalid(name, "must be true or false")
    return text == "true"
