"""The one range of bytes that a request may ask for (RFC 9110, section 14)."""

from __future__ import annotations

import re

from msgspec import Struct
from starlette.types import Scope

from ringback.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(rb"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


class Range(Struct, frozen=True, kw_only=True):
    """So many bytes from one on."""

    first: int
    count: int


def range_in(scope: Scope, *, size_bytes: int, tag: str) -> Range | None:
    """Return the range asked for; None when the whole is.

    A Range that is malformed or asks for many may be ignored: the whole file is a better answer
    than an error. Raises ``RangeNotSatisfiable`` for one that begins beyond the file.
    """
    headers = dict(scope["headers"])
    wanted = headers.get(b"range")
    # A range of something else than what there is now would make a broken whole.
    if wanted is None or headers.get(b"if-range", tag.encode()) != tag.encode():
        return None
    match = _ONE_RANGE.fullmatch(wanted)
    if match is None:
        return None
    if match[3] is not None:
        count = min(int(match[3]), size_bytes)
        first = size_bytes - count
    else:
        first = int(match[1])
        last = size_bytes - 1 if match[2] is None else min(int(match[2]), size_bytes - 1)
        if match[2] is not None and int(match[2]) < first:
            return None
        count = last - first + 1
    if count <= 0:
        raise RangeNotSatisfiable(size_bytes)
    return Range(first=first, count=count)
