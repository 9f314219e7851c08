"""Decides the delivery after an attempt, and makes the record of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from random import Random
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason
from ringback.egress.network_errors import one_line
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.delivery.signed_attempt import AttemptResult
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord
from ringback.webhooks.outcome import Outcome, classify, is_gone, is_healthy, retry_after_s
from ringback.webhooks.schedule import SCHEDULE_S, is_over, next_attempt_delay_s

_REDACTED = b"(redacted)"
_name_of = itemgetter(0)
_SECRET_IN_ANSWERS = frozenset({b"set-cookie", b"authorization", b"www-authenticate"})


def delivery_after(
    delivery: Delivery,
    answer: Answer,
    *,
    now_ms: int,
    schedule_s: Sequence[float],
    rng: Random,
) -> Delivery:
    """Return the delivery as it is after this answer."""
    done = delivery.round_attempts_count + 1
    after = replace(
        delivery,
        attempts_count=delivery.attempts_count + 1,
        round_attempts_count=done,
        reason=None if answer.reason is None else str(answer.reason),
    )
    match classify(answer):
        case Outcome.DELIVERED:
            ended = DeliveryStatus.DELIVERED
        case Outcome.GIVE_UP:
            ended = DeliveryStatus.DISCARDED
        case Outcome.RETRY:
            delay_s = next_attempt_delay_s(
                done,
                schedule=schedule_s,
                rng=rng,
                retry_after_s=retry_after_s(answer, now_ms=now_ms),
            )
            waited_ms = now_ms - delivery.round_started_at_ms
            if answer.reason is Reason.LAB and (wait_s := retry_after_s(answer, now_ms=now_ms)):
                delay_s = delay_s and wait_s  # the lab's delay takes precedence over the schedule's
            over = is_over(schedule_s, attempts_count=done, waited_ms=waited_ms)
            if delay_s is not None and not over:
                return replace(after, next_attempt_at_ms=now_ms + round(delay_s * 1000))
            ended = DeliveryStatus.EXHAUSTED
        case never:
            assert_never(never)
    return replace(after, status=ended, next_attempt_at_ms=None, ended_at_ms=now_ms)


class Rules(Struct, frozen=True, kw_only=True):
    """The rules that decide outcomes: the schedule, the breaker, and failing endpoints."""

    schedule_s: tuple[float, ...] = SCHEDULE_S
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    failing: FailingSettings = field(default_factory=FailingSettings)


def attempt_record_of(
    delivery: Delivery,
    result: AttemptResult,
    *,
    started_at_ms: int,
    now_ms: int,
    rules: Rules,
    rng: Random,
) -> AttemptRecord:
    """Return everything to write about an attempt."""
    answer = result.answer
    after = delivery_after(
        delivery,
        answer,
        now_ms=now_ms,
        schedule_s=result.schedule_s or rules.schedule_s,
        rng=rng,
    )
    return AttemptRecord(
        delivery=after,
        attempt=record_of(delivery, result, started_at_ms=started_at_ms, ended_at_ms=now_ms),
        healthy=is_healthy(answer),
        gone=is_gone(answer),
        now_ms=now_ms,
        breaker=rules.breaker,
        failing=rules.failing,
    )


def record_of(
    delivery: Delivery, result: AttemptResult, *, started_at_ms: int, ended_at_ms: int
) -> Attempt:
    """Return the record of an attempt of a delivery, without secrets."""
    answer = result.answer
    timings = answer.timings
    return Attempt(
        number=delivery.attempts_count + 1,
        started_at_ms=started_at_ms,
        duration_ms=max(0, ended_at_ms - started_at_ms),
        address=answer.address,
        status_code=answer.status_code,
        reason=None if answer.reason is None else str(answer.reason),
        detail=None if answer.words is None else one_line(answer.words),
        dns_ms=_rounded(timings.dns_ms),
        connect_ms=_rounded(timings.connect_ms),
        tls_ms=_rounded(timings.tls_ms),
        first_byte_ms=_rounded(timings.first_byte_ms),
        reused=answer.reused,
        request_headers=_shown(result.headers, result.secret_headers),
        response_headers=_shown(answer.headers, _SECRET_IN_ANSWERS),
        response=answer.body,
        truncated=answer.truncated,
    )


def _shown(headers: Sequence[tuple[bytes, bytes]], secret: frozenset[bytes]) -> str:
    if not secret.isdisjoint(map(_name_of, headers)):
        headers = [(name, _REDACTED if name in secret else value) for name, value in headers]
    return b"\n".join(map(b": ".join, headers)).decode("latin-1")


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)
