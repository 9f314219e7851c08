"""Conditional requests (RFC 9110, section 13) for a file whose bytes never change."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime

from msgspec import Struct
from starlette.datastructures import Headers

from ringback.clock import moment
from ringback.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class Validators(Struct, frozen=True, kw_only=True):
    """The strong entity tag of a file, in quotes, and when it was saved, in whole seconds."""

    tag: str
    saved_at_s: int

    @property
    def last_modified(self) -> str:
        """Return the time as an HTTP date."""
        return format_datetime(moment(self.saved_at_s * 1_000), usegmt=True)


def is_known(headers: Headers, file: Validators) -> bool:
    """Return whether the client has the file already, so that 304 is the answer.

    Raises ``PreconditionFailed`` when the client wants another version of it than this one. The
    conditions are looked at in the order of RFC 9110, section 13.2.2.
    """
    if (match := _listed(headers, "if-match")) is not None:
        if not _names(match, file.tag, weakly=False):
            raise PreconditionFailed("if-match")
    elif (then_s := _date(headers, "if-unmodified-since")) is not None and file.saved_at_s > then_s:
        raise PreconditionFailed("if-unmodified-since")
    if (none_match := _listed(headers, "if-none-match")) is not None:
        return _names(none_match, file.tag, weakly=True)
    then_s = _date(headers, "if-modified-since")
    return then_s is not None and file.saved_at_s <= then_s


def is_same_version(headers: Headers, file: Validators) -> bool:
    """Return whether ``If-Range`` allows a part of this file: its tag, its date, or no header."""
    condition = _listed(headers, "if-range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return _TAG.fullmatch(condition.strip()) is not None and condition.strip() == file.tag
    return _date(headers, "if-range") == file.saved_at_s


def _listed(headers: Headers, name: str) -> str | None:
    """Return the values of all headers of that name as one list."""
    return ", ".join(values) if (values := headers.getlist(name)) else None


def _names(listed: str, tag: str, *, weakly: bool) -> bool:
    if listed.strip() == "*":
        return True
    return any(one == tag and (weakly or not weak) for weak, one in _TAG.findall(listed))


def _date(headers: Headers, name: str) -> int | None:
    """Return an HTTP date in seconds, or None for a missing, repeated or malformed one."""
    values = headers.getlist(name)
    if len(values) != 1:
        return None
    try:
        date = parsedate_to_datetime(values[0])
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
