"""When to ask a provider again. Pure: time and chance are handed in."""

from __future__ import annotations

import re
from random import Random

from ringback.egress.answer import Reason
from ringback.egress.caller import Reply
from ringback.webhooks.http_date import parse_http_date

RETRY_AFTER_S_MAX = 120.0
# What some providers say in the body alone: "Your rate limit resets in ~30s."
_IN_WORDS = re.compile(rb'(?:"retry_after": ?|resets in ~?|available in ~?)([0-9]{1,6})(?![0-9])')
_WORDS_BYTES_MAX = 4_096
_FIRST_S = 0.5
_MOST_S = 30.0
_REFUSED = frozenset({429, 503})  # the provider says that it took nothing
_BROKEN = frozenset({408, 425, 500, 502, 504, 520, 521, 522, 523, 524, 529})


def poll_delay_s(looks: int, *, first_s: float, most_s: float, rng: Random) -> float:
    """Return the wait before the next look, after so many."""
    grown = first_s * 1.5 ** min(looks, 40)
    return min(grown, max(first_s, most_s)) * rng.uniform(0.9, 1.1)


def is_away(reply: Reply) -> bool:
    """Say whether the provider gave no answer that counts: asking later may do better."""
    return reply.status is None or reply.reason is not None or reply.status in _REFUSED | _BROKEN


def may_ask_again(reply: Reply, *, may_repeat: bool) -> bool:
    """Say whether a request that came to nothing can do no harm if it is sent again."""
    if reply.reason in (Reason.BLOCKED_TARGET, Reason.TOO_LARGE):
        return False  # it would come to the same
    if not reply.may_have_arrived:
        return True
    if reply.reason is None and reply.status in _REFUSED:
        return True
    return may_repeat and is_away(reply)


def retry_delay_s(reply: Reply, attempts: int, *, rng: Random, now_ms: int) -> float:
    """Return the wait before the request is sent again, after so many attempts."""
    own_s: float = min(_FIRST_S * 2.0 ** min(attempts, 20), _MOST_S) * rng.uniform(0.5, 1.0)
    asked_s = retry_after_s(reply, now_ms=now_ms)
    return own_s if asked_s is None else max(own_s, asked_s)


def retry_after_s(reply: Reply, *, now_ms: int) -> float | None:
    """Return how long the provider asks to be left alone, at most two minutes; None: not said."""
    value = reply.header(b"retry-after")
    if value is None:
        told = _IN_WORDS.search(reply.body[:_WORDS_BYTES_MAX]) if reply.status == 429 else None
        return None if told is None else min(float(told[1]), RETRY_AFTER_S_MAX)
    if value.isdigit() and len(value) < 10:
        return min(float(value), RETRY_AFTER_S_MAX)
    at_s = parse_http_date(value, now_ms=now_ms)
    return None if at_s is None else min(max(0.0, at_s - now_ms / 1000), RETRY_AFTER_S_MAX)
