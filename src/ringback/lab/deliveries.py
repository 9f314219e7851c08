"""What the lab does to one attempt of a webhook, decided purely."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason, Timings
from ringback.lab.durations import format_duration
from ringback.lab.faults import Faults

STALE_S = 600  # twice what receivers tolerate

Header = tuple[bytes, bytes]
Sign = Callable[[int], Sequence[Header]]
"""Returns the three webhook headers of an attempt, signed at that time in seconds."""


class Parcel(Struct, frozen=True):
    """One request as it will be sent: its headers, less what the sender adds, and its body."""

    headers: tuple[Header, ...]
    body: bytes


class Plan(Struct, frozen=True, kw_only=True):
    """What is sent for one attempt, and what becomes of the answer."""

    parcels: tuple[Parcel, ...]  # in order; none: the attempt is held back
    at_once: bool = False  # the second does not wait for the first one's answer
    again_ms: int = 0  # a 2xx is thrown away, so that the webhook comes again after so long


def plan_attempt(
    faults: Faults, parcel: Parcel, *, attempt_number: int, now_s: int, sign: Sign
) -> Plan:
    """Return what is to be sent for this attempt, numbered from 1, in place of the parcel."""
    number = attempt_number - faults.hold  # among those that are sent
    if number < 1:
        return Plan(parcels=())
    spoiled = faults.spoil if faults.spoils else 0
    if number <= spoiled:
        parcel = spoil(faults, parcel, now_s=now_s, sign=sign)
    return Plan(
        parcels=(parcel,) if faults.deliver is None else (parcel, parcel),
        at_once=faults.deliver == "at-once",
        again_ms=again_after_ms(faults, attempt_number=attempt_number),
    )


def again_after_ms(faults: Faults, *, attempt_number: int) -> int:
    """Return after how long a good answer to this attempt is forgotten; 0: it counts."""
    spoiled = faults.spoil if faults.spoils else 0
    return faults.again_ms if attempt_number - faults.hold == spoiled + 1 else 0


def spoil(faults: Faults, parcel: Parcel, *, now_s: int, sign: Sign) -> Parcel:
    """Return the parcel with everything wrong that the faults name."""
    match faults.timestamp:
        case "old":
            parcel = with_headers(parcel, sign(now_s - STALE_S))
        case "future":
            parcel = with_headers(parcel, sign(now_s + STALE_S))
    match faults.signature:
        case "bad":
            parcel = with_bad_signature(parcel)
        case "missing":
            parcel = without_header(parcel, b"webhook-signature")
    return parcel if faults.body is None else truncated(parcel)


def with_headers(parcel: Parcel, headers: Sequence[Header]) -> Parcel:
    """Return the parcel with these headers in the place of those of the same names."""
    new = dict(headers)
    kept = [header for header in parcel.headers if header[0] not in new]
    return replace(parcel, headers=(*kept, *headers))


def without_header(parcel: Parcel, name: bytes) -> Parcel:
    """Return the parcel without a header."""
    kept = tuple(header for header in parcel.headers if header[0] != name)
    return replace(parcel, headers=kept)


def with_bad_signature(parcel: Parcel) -> Parcel:
    """Return the parcel with signatures as long and as well spelled as before, but wrong."""
    spoiled = tuple(
        (name, b" ".join(_another(signature) for signature in value.split(b" ")))
        if name == b"webhook-signature"
        else (name, value)
        for name, value in parcel.headers
    )
    return replace(parcel, headers=spoiled)


def truncated(parcel: Parcel) -> Parcel:
    """Return the parcel with half its body; headers and signature are those of the whole."""
    return replace(parcel, body=parcel.body[: len(parcel.body) // 2])


def held_answer() -> Answer:
    """Return what came of an attempt that was held back."""
    return Answer(
        reason=Reason.LAB,
        detail="the lab held this attempt back",
        timings=Timings(total_ms=0.0),
    )


def lost_answer(answer: Answer, again_ms: int) -> Answer:
    """Return what is left of a 2xx that is thrown away: a failure that says when to try again."""
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
