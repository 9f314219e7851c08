"""Query parameters are read strictly; unknown ones are ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from ringback.http.headers import WAIT_MAX_S
from ringback.http.pagination import before_id, invalid_parameter
from ringback.jobs.model import JobStatus
from ringback.jobs.store import JobFilter

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

Chosen = TypeVar("Chosen", bound=StrEnum)

_NUMBER = re.compile(r"[0-9]{1,9}")


def job_filter(query: Mapping[str, str], *, workspace_id: str) -> JobFilter:
    """Return the filter of a query, or raise ``InvalidRequest`` naming the wrong parameter."""
    types = query.get("types", "").split(",")
    return JobFilter(
        workspace_id=workspace_id,
        limit=limit(query),
        before_id=cursor_id(query),
        types=tuple(name for part in types if (name := part.strip())),
        status=one_of(query, "status", JobStatus),
    )


def cursor_id(query: Mapping[str, str]) -> str | None:
    """Return the id before which the page begins, or None for the newest items."""
    cursor = query.get("cursor")
    return None if cursor is None else before_id(cursor)


def wait_s(query: Mapping[str, str]) -> int | None:
    """Return the seconds of ``wait=N``, at most 60, or None when it was not sent."""
    text = query.get("wait")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise invalid_parameter("wait", "must be a whole number of seconds, 0 or more")
    return min(int(text), WAIT_MAX_S)


def limit(query: Mapping[str, str]) -> int:
    """Return the largest number of items in a page, or raise ``InvalidRequest``."""
    return count(query, "limit", default=LIMIT_DEFAULT, most=LIMIT_MAX)


def count(query: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """Return a number of items, at least 1, or raise ``InvalidRequest``."""
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        raise invalid_parameter(name, f"must be a whole number from 1 to {most}")
    return int(text)


def one_of(query: Mapping[str, str], name: str, kind: type[Chosen]) -> Chosen | None:
    """Return the enum member that a parameter names, or None if it was not sent."""
    text = query.get(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError as exc:
        raise invalid_parameter(name, f"must be one of {', '.join(kind)}") from exc
