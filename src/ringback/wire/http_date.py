"""HTTP dates in the three spellings of RFC 9110 (section 5.6.7), and Retry-After."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_PARTS = {
    b"DAY": rb"(?P<day>\d{2})",
    b"MONTH": rb"(?P<month>" + b"|".join(_MONTHS) + rb")",
    b"TIME": rb"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})",
}


def _spelling(text: bytes) -> re.Pattern[bytes]:
    for name, part in _PARTS.items():
        text = text.replace(name, part)
    return re.compile(text)


_SPELLINGS = (
    _spelling(rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), DAY MONTH (?P<year>\d{4}) TIME GMT"),
    _spelling(rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, DAY-MONTH-(?P<year>\d{2}) TIME GMT"),
    _spelling(rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) MONTH (?P<day>[ \d]\d) TIME (?P<year>\d{4})"),
)
_SECONDS = re.compile(rb"[0-9]+")
_SECONDS_DIGITS_MAX = 9  # thirty years; more digits mean the same and cost more to read
_YEARS_AHEAD_MAX = 50  # of a date with a year of two digits


def parse_http_date(value: bytes, *, now_ms: int) -> float | None:
    """Return an HTTP date in seconds since 1970, or None if it is not a valid one."""
    matches = (spelling.fullmatch(value) for spelling in _SPELLINGS)
    date = next(filter(None, matches), None)
    if date is None:
        return None
    try:
        at = datetime(
            _year(date["year"], now_ms=now_ms),
            _MONTHS.index(date["month"]) + 1,
            int(date["day"]),
            int(date["hour"]),
            int(date["minute"]),
            # A leap second is legal in an HTTP date, but not in a datetime.
            min(int(date["second"]), 59),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return at.timestamp()


def parse_retry_after(value: bytes, *, now_ms: int) -> float | None:
    """Return the seconds in a Retry-After value, a number or an HTTP date; None for any other."""
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value.lstrip(b"0")[:_SECONDS_DIGITS_MAX] or b"0")
    at_s = parse_http_date(value, now_ms=now_ms)
    return None if at_s is None else max(0.0, at_s - now_ms / 1000)


def _year(digits: bytes, *, now_ms: int) -> int:
    year = int(digits)
    if len(digits) > 2:
        return year
    latest = datetime.fromtimestamp(now_ms / 1000, UTC).year + _YEARS_AHEAD_MAX
    return latest - (latest - year) % 100
