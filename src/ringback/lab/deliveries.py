"""Decides the lab's faults of one attempt of a webhook. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason, Timings
from ringback.jobs.durations import format_duration
from ringback.jobs.requested_faults import Faults

STALE_S = 600  # twice the tolerance of receivers

Header = tuple[bytes, bytes]
Sign = Callable[[int], Sequence[Header]]
"""Returns the three webhook headers of an attempt, signed at that time in seconds."""


class WebhookRequest(Struct, frozen=True):
    """One request as it will be sent: its headers, without those of the sender, and its body."""

    headers: tuple[Header, ...]
    body: bytes


class Plan(Struct, frozen=True, kw_only=True):
    """The requests of one attempt, and the handling of the answer."""

    requests: tuple[WebhookRequest, ...]  # in order; none: the attempt is held back
    at_once: bool = False  # the second does not wait for the first one's answer
    again_ms: int = 0  # a 2xx is thrown away, so that the webhook comes again after so long


def plan_attempt(
    faults: Faults, request: WebhookRequest, *, attempt_number: int, now_s: int, sign: Sign
) -> Plan:
    """Return the requests to send for this attempt, numbered from 1, instead of the right one."""
    number = attempt_number - faults.hold  # among those that are sent
    if number < 1:
        return Plan(requests=())
    spoiled = faults.spoil if faults.spoils else 0
    if number <= spoiled:
        request = spoil(faults, request, now_s=now_s, sign=sign)
    return Plan(
        requests=(request,) if faults.deliver is None else (request, request),
        at_once=faults.deliver == "at-once",
        again_ms=again_after_ms(faults, attempt_number=attempt_number),
    )


def again_after_ms(faults: Faults, *, attempt_number: int) -> int:
    """Return after how long a good answer to this attempt is forgotten; 0: it counts."""
    spoiled = faults.spoil if faults.spoils else 0
    return faults.again_ms if attempt_number - faults.hold == spoiled + 1 else 0


def spoil(faults: Faults, request: WebhookRequest, *, now_s: int, sign: Sign) -> WebhookRequest:
    """Return the request with the faults that are named."""
    match faults.timestamp:
        case "old":
            request = with_headers(request, sign(now_s - STALE_S))
        case "future":
            request = with_headers(request, sign(now_s + STALE_S))
    match faults.signature:
        case "bad":
            request = with_bad_signature(request)
        case "missing":
            request = without_header(request, b"webhook-signature")
    return request if faults.body is None else truncated(request)


def with_headers(request: WebhookRequest, headers: Sequence[Header]) -> WebhookRequest:
    """Return the request with these headers instead of those of the same names."""
    new = dict(headers)
    kept = [header for header in request.headers if header[0] not in new]
    return replace(request, headers=(*kept, *headers))


def without_header(request: WebhookRequest, name: bytes) -> WebhookRequest:
    """Return the request without a header."""
    kept = tuple(header for header in request.headers if header[0] != name)
    return replace(request, headers=kept)


def with_bad_signature(request: WebhookRequest) -> WebhookRequest:
    """Return the request with signatures as long and as well spelled as before, but wrong."""
    spoiled = tuple(
        (name, b" ".join(_another(signature) for signature in value.split(b" ")))
        if name == b"webhook-signature"
        else (name, value)
        for name, value in request.headers
    )
    return replace(request, headers=spoiled)


def truncated(request: WebhookRequest) -> WebhookRequest:
    """Return the request with half its body; headers and signature are those of the whole."""
    return replace(request, body=request.body[: len(request.body) // 2])


def held_answer() -> Answer:
    """Return the answer of an attempt that was held back."""
    return Answer(
        reason=Reason.LAB,
        detail="the lab held this attempt back",
        timings=Timings(total_ms=0.0),
    )


def lost_answer(answer: Answer, again_ms: int) -> Answer:
    """Return a failure instead of a 2xx that is thrown away; it says when to try again."""
    seconds = -(-again_ms // 1000)
    return replace(
        answer,
        reason=Reason.LAB,
        headers=((b"retry-after", b"%d" % seconds),),
        detail=f"the lab threw this answer away, to deliver again in {format_duration(again_ms)}",
    )


def worst(answers: Sequence[Answer]) -> Answer:
    """Return the first answer that is not a 2xx, or the last: a duplicate refused is no success."""
    return next((answer for answer in answers if answer.reason is not None), answers[-1])


def _another(signature: bytes) -> bytes:
    version, comma, digest = signature.partition(b",")
    return version + comma + (b"B" if digest[:1] == b"A" else b"A") + digest[1:]
