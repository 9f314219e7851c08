"""What a receiver's answer means for the delivery; decided purely, acted on elsewhere."""

from __future__ import annotations

import re
from enum import StrEnum

from ringback.egress.answer import Answer, Reason
from ringback.webhooks.http_date import parse_http_date

_SECONDS = re.compile(rb"[0-9]+")
_SECONDS_DIGITS_MAX = 9  # thirty years; more digits mean the same and cost more to read


class Outcome(StrEnum):
    """What to do about a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give_up"


def classify(answer: Answer) -> Outcome:
    """Say what the receiver's answer means for the delivery.

    Only a whole 2xx delivers: when the rest of an answer is lost, nobody knows how it went on.
    """
    if answer.reason is None:
        return Outcome.DELIVERED
    return Outcome.GIVE_UP if is_gone(answer) else Outcome.RETRY


def is_gone(answer: Answer) -> bool:
    """Say whether the receiver wants no more webhooks at this URL (410)."""
    return answer.status_code == 410 and answer.reason is Reason.STATUS


def is_healthy(answer: Answer) -> bool:
    """Say whether the destination did its part, whatever it thinks of this delivery.

    A receiver that refuses one webhook (a 404 for one of its URLs) is well; one that cannot be
    reached, breaks (5xx) or asks for less (429) is not.
    """
    status = answer.status_code
    if answer.reason in (None, Reason.LAB):
        return True
    return answer.reason in _REFUSALS and status is not None and status < 500 and status != 429


_REFUSALS = (Reason.STATUS, Reason.REDIRECT)


def retry_after_s(answer: Answer, *, now_ms: int) -> float | None:
    """Return how long the receiver asks us to wait; None when it does not, or not intelligibly."""
    value = answer.header(b"retry-after")
    return None if value is None else parse_retry_after(value, now_ms=now_ms)


def parse_retry_after(value: bytes, *, now_ms: int) -> float | None:
    """Return the seconds in a Retry-After value, a number or an HTTP date; None for any other."""
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value.lstrip(b"0")[:_SECONDS_DIGITS_MAX] or b"0")
    at_s = parse_http_date(value, now_ms=now_ms)
    return None if at_s is None else max(0.0, at_s - now_ms / 1000)
