"""Why a delivery is where it is, and when it will move: in sentences, from facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ringback.webhooks.advice import advice_for
from ringback.webhooks.breaker import Breaker
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import INTERIM_EVENTS
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.wire.document import iso_time

_GONE = 410
_SILENCE_MS = 45_000  # a program that is connected is noted three times as often
_OTHERS_SAY_WHEN = {"destination_paused", "destination_probed", "listener_away"}


class Caps(Struct, frozen=True, kw_only=True):
    """The bounds of a server's attempts; a rate of 0 is no bound."""

    concurrency: int
    concurrency_per_destination: int
    rate: float = 0.0
    rate_per_destination: float = 0.0


class Facts(Struct, frozen=True, kw_only=True):
    """The facts that an explanation is made from."""

    delivery: Delivery
    now_ms: int
    caps: Caps
    is_held: bool = False  # by a dispatcher
    destination: Destination | None = None
    endpoint: Endpoint | None = None  # None: the URL came with the job, or it was deleted
    before_count: int = 0  # deliveries of its destination that are due before it
    before_count_max: int = 1_000  # there it was counted no further
    last_attempt: Attempt | None = None


class StatusReason(Struct, frozen=True):
    """One reason, by a stable code and as a sentence."""

    code: str
    sentence: str


class Explanation(Struct, frozen=True, kw_only=True):
    """Every reason that holds, the weightiest first, and when the delivery can move, if known."""

    reasons: tuple[StatusReason, ...]
    moves_at_ms: int | None = None


def explain(facts: Facts) -> Explanation:
    """Say why a delivery is where it is, and when it will move."""
    match facts.delivery.status:
        case DeliveryStatus.WAITING:
            waiting = _of_waiting(facts)
            advice = _advice(facts) if facts.delivery.round_attempts_count else ()
            return replace(waiting, reasons=(*waiting.reasons, *advice))
        case DeliveryStatus.DELIVERED:
            reason = _delivered(facts.delivery)
        case DeliveryStatus.EXHAUSTED:
            return Explanation(reasons=(_exhausted(facts), *_advice(facts)))
        case DeliveryStatus.DISCARDED:
            reason = _discarded(facts)
        case DeliveryStatus.CANCELLED:
            reason = _cancelled(facts.delivery)
        case never:
            assert_never(never)
    return Explanation(reasons=(reason,))


def _of_waiting(facts: Facts) -> Explanation:
    if facts.is_held:
        number = facts.delivery.attempts_count + 1
        sentence = (
            f"Attempt {number} is being made right now, or is the next in its destination's queue."
        )
        return Explanation(reasons=(StatusReason("in_flight", sentence),), moves_at_ms=facts.now_ms)
    reasons = [
        *_of_people(facts),
        *_of_listener(facts),
        *_of_time(facts),
        *_of_breaker(facts),
        *_of_turn(facts),
    ]
    if not reasons:
        reasons = [_of_caps(facts)]
    return Explanation(reasons=tuple(reasons), moves_at_ms=_moves_at_ms(facts, reasons))


def _of_people(facts: Facts) -> Iterator[StatusReason]:
    delivery, endpoint, destination = facts.delivery, facts.endpoint, facts.destination
    if delivery.endpoint_id is not None and endpoint is None:
        yield StatusReason("endpoint_deleted", "Its endpoint was deleted, so it will be discarded.")
    if endpoint is not None and endpoint.disabled_at_ms is not None:
        yield StatusReason(
            "endpoint_disabled",
            f"Its endpoint was disabled at {iso_time(endpoint.disabled_at_ms)}"
            f"{_why_disabled(endpoint)}, so it will be discarded.",
        )
    if destination is not None and destination.paused_at_ms is not None:
        yield StatusReason(
            "destination_paused",
            f"A person paused {destination.origin} at {iso_time(destination.paused_at_ms)}: "
            "nothing is sent there until it is resumed.",
        )


def _of_listener(facts: Facts) -> Iterator[StatusReason]:
    endpoint = facts.endpoint
    if endpoint is None or endpoint.listener is None or endpoint.heard_at_ms is None:
        return
    if facts.now_ms - endpoint.heard_at_ms > _SILENCE_MS:
        yield StatusReason(
            "listener_away",
            f"It waits for its listener to connect: ringback listen --name {endpoint.listener} "
            f"--forward-to URL takes it. No program has been connected since "
            f"{iso_time(endpoint.heard_at_ms)}.",
        )


def _of_time(facts: Facts) -> Iterator[StatusReason]:
    delivery = facts.delivery
    at_ms = delivery.next_attempt_at_ms
    if at_ms is None or at_ms <= facts.now_ms:
        return
    done = delivery.attempts_count
    begin = f"Attempt {done} failed ({_failure(facts)})" if delivery.reason else "It is not due yet"
    yield StatusReason("not_due", f"{begin}; attempt {done + 1} is due at {iso_time(at_ms)}.")


def _of_breaker(facts: Facts) -> Iterator[StatusReason]:
    destination = facts.destination
    if destination is None or destination.breaker.is_closed:
        return
    breaker, origin = destination.breaker, destination.origin
    until_ms = breaker.open_until_ms
    assert until_ms is not None
    if breaker.flying:
        yield StatusReason(
            "destination_probed",
            f"{origin} has been failing and is being probed: {_count(breaker.flying)} on the way "
            f"there, and more follow when {'it has' if breaker.flying == 1 else 'they have'} "
            "fared well.",
        )
    elif until_ms > facts.now_ms:
        yield StatusReason(
            "destination_failing",
            f"{origin} has failed {breaker.failures_count} times in a row and is left alone until "
            f"{iso_time(until_ms)}, when {_probe(breaker)} to see whether it is back.",
        )
    else:
        yield StatusReason(
            "destination_recovering",
            f"{origin} is recovering from failures and is handed a few deliveries at a time: next, "
            f"{_probe(breaker)}.",
        )


def _of_turn(facts: Facts) -> Iterator[StatusReason]:
    if not facts.before_count:
        return
    more = " or more" if facts.before_count >= facts.before_count_max else ""
    is_one = facts.before_count == 1 and not more
    yield StatusReason(
        "in_line",
        f"{_count(facts.before_count, more)} of its destination {'is' if is_one else 'are'} due "
        f"before it, and {'goes' if is_one else 'go'} first.",
    )


def _of_caps(facts: Facts) -> StatusReason:
    caps = facts.caps
    if facts.endpoint is not None and facts.endpoint.listener is not None:
        return StatusReason(
            "no_room",
            "It is due and nothing goes before it: it is handed to its listener's program as soon "
            "as that has room.",
        )
    rates = [
        f"{rate:g} a second {where}"
        for rate, where in (
            (caps.rate, "in all"),
            (caps.rate_per_destination, "to one destination"),
        )
        if rate
    ]
    return StatusReason(
        "no_room",
        "It is due and nothing goes before it: it is sent as soon as there is room. At most "
        + ", ".join(
            (
                f"{caps.concurrency} attempts are made at once",
                f"{caps.concurrency_per_destination} of them to one destination",
                *rates,
            )
        )
        + ".",
    )


def _moves_at_ms(facts: Facts, reasons: list[StatusReason]) -> int | None:
    if {reason.code for reason in reasons} & _OTHERS_SAY_WHEN:
        return None
    at_ms = facts.delivery.next_attempt_at_ms or facts.now_ms
    if facts.destination is not None:
        at_ms = max(at_ms, facts.destination.breaker.open_until_ms or 0)
    if at_ms <= facts.now_ms and facts.before_count:
        return None  # as soon as those before it have gone
    return max(at_ms, facts.now_ms)


def _delivered(delivery: Delivery) -> StatusReason:
    return StatusReason(
        "delivered",
        f"It was delivered{_at(delivery)} by attempt {delivery.attempts_count}: "
        "the receiver answered 2xx.",
    )


def _exhausted(facts: Facts) -> StatusReason:
    delivery = facts.delivery
    return StatusReason(
        "exhausted",
        f"It was given up{_at(delivery)}: attempt {delivery.attempts_count} was the last of its "
        f"schedule and failed ({_failure(facts)}). Redeliver it to begin the schedule again.",
    )


def _discarded(facts: Facts) -> StatusReason:
    delivery, endpoint, last = facts.delivery, facts.endpoint, facts.last_attempt
    if last is not None and last.status_code == _GONE:
        return StatusReason(
            "gone",
            f"It was discarded{_at(delivery)}: the receiver answered 410 Gone, which asks for no "
            "more.",
        )
    if delivery.endpoint_id is not None and endpoint is None:
        return StatusReason(
            "endpoint_deleted", f"It was discarded{_at(delivery)}, as its endpoint was deleted."
        )
    if endpoint is not None and endpoint.disabled_at_ms is not None:
        return StatusReason(
            "endpoint_disabled",
            f"It was discarded{_at(delivery)}, as its endpoint was disabled at "
            f"{iso_time(endpoint.disabled_at_ms)}{_why_disabled(endpoint)}.",
        )
    return StatusReason(
        "discarded",
        f"It was discarded{_at(delivery)}, because it could not be sent: its endpoint was disabled "
        "at that time, or a person had it discarded. Redeliver it to send it after all.",
    )


def _cancelled(delivery: Delivery) -> StatusReason:
    if delivery.event in INTERIM_EVENTS:
        return StatusReason(
            "cancelled",
            f"It was cancelled{_at(delivery)}: its job ended, after which only the end is sent, or "
            "a person cancelled it.",
        )
    return StatusReason("cancelled", f"A person cancelled it{_at(delivery)}.")


def _advice(facts: Facts) -> Iterator[StatusReason]:
    last = facts.last_attempt
    if last is not None and last.reason == facts.delivery.reason and (advice := advice_for(last)):
        yield StatusReason("advice", advice)


def _failure(facts: Facts) -> str:
    """Return the stable reason with the status or the words that there are: ``status 503``."""
    last, reason = facts.last_attempt, facts.delivery.reason
    if last is None or last.reason != reason:
        return str(reason)
    if last.status_code is not None:
        return f"{reason} {last.status_code}"
    return f"{reason}: {last.detail}" if last.detail else str(reason)


def _at(delivery: Delivery) -> str:
    return "" if delivery.ended_at_ms is None else f" at {iso_time(delivery.ended_at_ms)}"


def _why_disabled(endpoint: Endpoint) -> str:
    match endpoint.disabled_reason:
        case "gone":
            return " because its receiver answered 410 Gone"
        case "failing":
            return " because it had failed for too long"
        case "unheard":
            return " because no program had listened for too long"
        case _:
            return " by a person"


def _probe(breaker: Breaker) -> str:
    size = breaker.flight * 2 if breaker.flight else 1
    return f"{_count(size)} {'is' if size == 1 else 'are'} sent"


def _count(number: int, more: str = "") -> str:
    return f"{number:,}{more} {'delivery' if number == 1 and not more else 'deliveries'}"
