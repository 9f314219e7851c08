"""Delays between polls and between retries. Pure: time and randomness are passed in."""

from __future__ import annotations

import re
from random import Random

from ringback.egress.answer import Reason
from ringback.egress.http_client import Response
from ringback.wire.http_date import parse_retry_after

RETRY_AFTER_S_MAX = 120.0
# Some providers say it only in the body: "Your rate limit resets in ~30s."
_IN_WORDS = re.compile(rb'(?:"retry_after": ?|resets in ~?|available in ~?)([0-9]{1,6})(?![0-9])')
_WORDS_BYTES_MAX = 4_096
_FIRST_S = 0.5
_MOST_S = 30.0
_REFUSED = frozenset({429, 503})  # the provider accepted nothing
_BROKEN = frozenset({408, 425, 500, 502, 504, 520, 521, 522, 523, 524, 529})


def poll_delay_s(polls: int, *, first_s: float, most_s: float, rng: Random) -> float:
    """Return the wait before the next poll, after this many polls."""
    grown = first_s * 1.5 ** min(polls, 40)
    return min(grown, max(first_s, most_s)) * rng.uniform(0.9, 1.1)


def is_unavailable(response: Response) -> bool:
    """Return whether the provider gave no usable response, so that a later attempt may succeed."""
    return (
        response.status is None
        or response.reason is not None
        or response.status in _REFUSED | _BROKEN
    )


def is_unreached(response: Response) -> bool:
    """Return whether no connection came about, so that nothing was sent."""
    return response.status is None and not response.may_have_arrived


def may_retry(response: Response, *, may_repeat: bool) -> bool:
    """Return whether a failed request can be sent again without harm."""
    if response.reason in (Reason.BLOCKED_TARGET, Reason.TOO_LARGE):
        return False  # a retry would fail in the same way
    if not response.may_have_arrived:
        return True
    if response.reason is None and response.status in _REFUSED:
        return True
    return may_repeat and is_unavailable(response)


def retry_delay_s(response: Response, attempts: int, *, rng: Random, now_ms: int) -> float:
    """Return the wait before a retry, after this many attempts."""
    own_s: float = min(_FIRST_S * 2.0 ** min(attempts, 20), _MOST_S) * rng.uniform(0.5, 1.0)
    provider_s = retry_after_s(response, now_ms=now_ms)
    return own_s if provider_s is None else max(own_s, provider_s)


def retry_after_s(response: Response, *, now_ms: int) -> float | None:
    """Return the wait that the provider asks for, at most two minutes, or None if it names none."""
    value = response.header(b"retry-after")
    if value is None:
        match = (
            _IN_WORDS.search(response.body[:_WORDS_BYTES_MAX]) if response.status == 429 else None
        )
        return None if match is None else min(float(match[1]), RETRY_AFTER_S_MAX)
    seconds = parse_retry_after(value, now_ms=now_ms)
    return None if seconds is None else min(seconds, RETRY_AFTER_S_MAX)
