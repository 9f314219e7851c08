"""A single range of bytes in a request (RFC 9110, section 14)."""

from __future__ import annotations

import re

from msgspec import Struct

from ringback.errors import RangeNotSatisfiable

# A list may have empty elements; many ranges do not fit the pattern.
_ONE_RANGE = re.compile(
    r"[ \t,]*(?:(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<count>[0-9]+))[ \t,]*", re.ASCII
)
_DIGITS_MAX = 18


class Range(Struct, frozen=True, kw_only=True):
    """``count`` bytes, beginning with the byte ``first``."""

    first: int
    count: int


def range_in(requested: str, *, size_bytes: int) -> Range | None:
    """Return the range that a Range header asks for, or None for the whole file.

    A header that is malformed or has many ranges may be ignored: the whole file is a better
    response than an error. Raises ``RangeNotSatisfiable`` for one that begins beyond the file.
    """
    unit, _, ranges = requested.partition("=")
    match = _ONE_RANGE.fullmatch(ranges) if unit.lower() == "bytes" else None
    if match is None:
        return None
    if match["count"] is not None:
        count = min(_number(match["count"]), size_bytes)
        first = size_bytes - count
    else:
        first = _number(match["first"])
        last = size_bytes - 1
        if match["last"]:
            if _number(match["last"]) < first:
                return None
            last = min(_number(match["last"]), last)
        count = last - first + 1
    if count <= 0:
        raise RangeNotSatisfiable(size_bytes)
    return Range(first=first, count=count)


def _number(digits: str) -> int:
    """Return a position; those beyond every file are all the same."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _DIGITS_MAX else 10**_DIGITS_MAX
