"""Classifies a receiver's answer: delivered, try again, or give up. Pure."""

from __future__ import annotations

from enum import StrEnum

from ringback.egress.answer import Answer, Reason
from ringback.wire.http_date import parse_retry_after


class Outcome(StrEnum):
    """The next step of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give_up"


def classify(answer: Answer) -> Outcome:
    """Return the outcome of a receiver's answer.

    Only a whole 2xx delivers: when the rest of an answer is lost, its end is unknown.
    """
    if answer.reason is None:
        return Outcome.DELIVERED
    return Outcome.GIVE_UP if is_gone(answer) else Outcome.RETRY


def is_gone(answer: Answer) -> bool:
    """Say whether the receiver wants no more webhooks at this URL (410)."""
    return answer.status_code == 410 and answer.reason is Reason.STATUS


def is_healthy(answer: Answer) -> bool:
    """Say whether the destination did its part, even if it refuses this delivery.

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
