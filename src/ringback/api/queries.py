"""Query parameters of the job routes, read strictly; unknown ones are ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ringback.api.cursors import before_id
from ringback.api.headers import WAIT_MAX_S
from ringback.errors import FieldError, InvalidRequest
from ringback.jobs.model import JobStatus
from ringback.jobs.queue import JobFilter

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

_NUMBER = re.compile(r"[0-9]{1,9}")


def job_filter(query: Mapping[str, str], *, workspace_id: str) -> JobFilter:
    """Return which jobs are asked for, or raise ``InvalidRequest`` naming the wrong parameter."""
    cursor = query.get("cursor")
    types = query.get("types", "").split(",")
    return JobFilter(
        workspace_id=workspace_id,
        limit=_limit(query.get("limit")),
        before_id=None if cursor is None else before_id(cursor),
        types=tuple(name for part in types if (name := part.strip())),
        status=_status(query.get("status")),
    )


def wait_s(query: Mapping[str, str]) -> int | None:
    """Return the seconds of ``wait=N``, at most 60, or None when it was not sent."""
    text = query.get("wait")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise _invalid("wait", "must be a whole number of seconds, 0 or more")
    return min(int(text), WAIT_MAX_S)


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= LIMIT_MAX:
        raise _invalid("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def _status(text: str | None) -> JobStatus | None:
    if text is None:
        return None
    try:
        return JobStatus(text)
    except ValueError as exc:
        raise _invalid("status", f"must be one of {', '.join(JobStatus)}") from exc


def _invalid(name: str, what: str) -> InvalidRequest:
    sentence = f"{name} {what}."
    return InvalidRequest(sentence, [FieldError(f"query:{name}", sentence)])
