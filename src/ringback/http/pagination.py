"""Cursors of jobs, assets, styles and apps: a time with enough digits to identify one of them.

The contract's cursor of jobs is a date-time, and jobs of one millisecond share theirs. But
RFC 3339 bounds no fraction, and a job's id is a UUID version 7: 48 bits of milliseconds and 74 bits
that order the jobs within one. Our cursors carry those as 23 more digits, so they break ties and
are still date-times that sort as the jobs do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from ringback.clock import to_ms
from ringback.errors import FieldError, InvalidRequest
from ringback.ids import number_of, uuid7_floor, uuid_of
from ringback.wire.document import iso_time

Item = TypeVar("Item")

_ORDER_BITS = 74
_ORDER_DIGITS = 23
_LOW_62 = (1 << 62) - 1
_TIME = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,26}))?"
    r"(?P<zone>[Zz]|[+ -]\d\d:\d\d)?",
    re.ASCII,
)


def cursor_after(item_id: str) -> str:
    """Return the cursor of the page that follows the item with this id."""
    value = number_of(item_id)
    order = (value >> 64 & 0xFFF) << 62 | value & _LOW_62
    return f"{iso_time(value >> 80)[:-1]}{order:0{_ORDER_DIGITS}d}Z"


def split_page(
    items: Sequence[Item], *, limit: int, id_of: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """Return a page and the cursor of the next one, from a list with one item more if it exists."""
    page = items[:limit]
    return page, cursor_after(id_of(page[-1])) if len(items) > limit else None


def before_id(cursor: str) -> str:
    """Return the id below which the page's items are; raises ``InvalidRequest``.

    Any other time selects the items that were created before it.
    """
    at_ms, fraction = _time(cursor)
    if at_ms < 0:
        return uuid7_floor(0)
    rest = int(fraction[3:] or 0)
    if len(fraction) == 3 + _ORDER_DIGITS and rest < 1 << _ORDER_BITS:
        return _with_order(at_ms, rest)
    # Ids have whole milliseconds: those of the millisecond that has begun are before the time.
    return uuid7_floor(at_ms + (rest > 0))


def time_ms(text: str, name: str) -> int:
    """Return the first whole millisecond that is not before an ISO 8601 time in the query."""
    try:
        at_ms, fraction = _time(text)
    except InvalidRequest as exc:
        raise invalid_parameter(
            name, "must be an ISO 8601 time, like 2027-01-15T08:00:00Z"
        ) from exc
    return at_ms + (int(fraction[3:] or 0) > 0)


def _time(text: str) -> tuple[int, str]:
    """Return the milliseconds of a time, and all digits of its fraction of a second."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _invalid()
    fraction = match["fraction"] or ""
    return _second_ms(match) + int(fraction[:3].ljust(3, "0")), fraction


def _second_ms(match: re.Match[str]) -> int:
    zone = match["zone"] or "Z"
    # A plus sign that was not percent-encoded in the query arrives as a space.
    offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")
    second = match["second"]
    # RFC 3339 has a year 0 and leap seconds, ``datetime`` has neither. Any early year will do.
    if second.startswith("0000"):
        second = f"0004{second[4:]}"
    is_leap_second = second.endswith(":60")
    if is_leap_second:
        second = f"{second[:-2]}59"
    try:
        return to_ms(datetime.fromisoformat(second + offset)) + 1000 * is_leap_second
    except ValueError as exc:
        raise _invalid() from exc


def _with_order(at_ms: int, order: int) -> str:
    value = number_of(uuid7_floor(at_ms)) | order >> 62 << 64 | order & _LOW_62
    return uuid_of(value)


def _invalid() -> InvalidRequest:
    return invalid_parameter("cursor", "must be a next_cursor of this route or an ISO 8601 time")


def invalid_parameter(name: str, problem: str) -> InvalidRequest:
    """Return the error of a wrong query parameter."""
    sentence = f"{name} {problem}."
    return InvalidRequest(sentence, [FieldError(f"query:{name}", sentence)])
