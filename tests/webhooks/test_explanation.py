"""Every sentence that an explanation may have, and the facts that make it so."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.webhooks.breaker import CLOSED, Breaker
from ringback.webhooks.explanation import Caps, Explanation, Facts, explain
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from tests.builders import a_delivery, a_job, a_listener, an_endpoint

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
SOON = NOW + 60_000
ORIGIN = "https://shop.example:443"
CAPS = Caps(concurrency=256, concurrency_per_destination=8)
ENDPOINT = an_endpoint(endpoint_id="e1")
LISTENER = a_listener("ed", endpoint_id="e1", heard_at_ms=NOW - 45_001)


def a_destination(breaker: Breaker = CLOSED, **changes: Any) -> Destination:
    destination = Destination(
        destination_id=1, workspace_id="studio", origin=ORIGIN, breaker=breaker
    )
    return replace(destination, **changes)


def waiting(**changes: Any) -> Delivery:
    return a_delivery(a_job(), **{"next_attempt_at_ms": NOW - 1, **changes})


def ended(status: DeliveryStatus, **changes: Any) -> Delivery:
    return a_delivery(
        a_job(),
        **{"status": status, "next_attempt_at_ms": None, "ended_at_ms": NOW, **changes},
    )


def explained(delivery: Delivery, **facts: Any) -> Explanation:
    known: dict[str, Any] = {"destination": a_destination(), **facts}
    return explain(Facts(delivery=delivery, now_ms=NOW, caps=CAPS, **known))


def attempt(**changes: Any) -> Attempt:
    made = Attempt(number=1, started_at_ms=NOW, duration_ms=3, status_code=500, reason="status")
    return replace(made, **changes)


OPEN = Breaker(failures_count=12, open_until_ms=SOON, openings_count=1)


@pytest.mark.parametrize(
    ("delivery", "facts", "sentence", "moves_at_ms"),
    [
        (
            waiting(endpoint_id="e1"),
            {"endpoint": LISTENER},
            "It waits for its listener to connect: ringback listen --name ed --forward-to URL "
            "takes it. No program has been connected since 2027-01-15T07:59:14.999Z.",
            None,
        ),
        (
            waiting(endpoint_id="e1"),
            {"endpoint": replace(LISTENER, heard_at_ms=NOW - 45_000)},
            "It is due and nothing goes before it: it is handed to its listener's program as soon "
            "as that has room.",
            NOW,
        ),
        (
            waiting(attempts_count=2),
            {"is_held": True, "before_count": 4},
            "Attempt 3 is being made right now, or is the next in its destination's queue.",
            NOW,
        ),
        (
            waiting(next_attempt_at_ms=SOON, attempts_count=2, reason="timeout"),
            {},
            "Attempt 2 failed (timeout); attempt 3 is due at 2027-01-15T08:01:00.000Z.",
            SOON,
        ),
        (
            waiting(next_attempt_at_ms=SOON, attempts_count=1, reason="status"),
            {"last_attempt": attempt(status_code=503)},
            "Attempt 1 failed (status 503); attempt 2 is due at 2027-01-15T08:01:00.000Z.",
            SOON,
        ),
        (
            waiting(next_attempt_at_ms=SOON),
            {},
            "It is not due yet; attempt 1 is due at 2027-01-15T08:01:00.000Z.",
            SOON,
        ),
        (
            waiting(),
            {"destination": a_destination(paused_at_ms=NOW)},
            f"A person paused {ORIGIN} at 2027-01-15T08:00:00.000Z: nothing is sent there until "
            "it is resumed.",
            None,
        ),
        (
            waiting(endpoint_id="e1"),
            {"endpoint": None},
            "Its endpoint was deleted, so it will be discarded.",
            NOW,
        ),
        (
            waiting(endpoint_id="e1"),
            {"endpoint": replace(ENDPOINT, disabled_at_ms=NOW, disabled_reason="asked")},
            "Its endpoint was disabled at 2027-01-15T08:00:00.000Z by a person, so it will be "
            "discarded.",
            NOW,
        ),
        (
            waiting(),
            {"destination": a_destination(OPEN)},
            f"{ORIGIN} has failed 12 times in a row and is left alone until "
            "2027-01-15T08:01:00.000Z, when 1 delivery is sent to see whether it is back.",
            SOON,
        ),
        (
            waiting(),
            {"destination": a_destination(replace(OPEN, flight=1, flying=1))},
            f"{ORIGIN} has been failing and is being probed: 1 delivery on the way there, and more "
            "follow when it has fared well.",
            None,
        ),
        (
            waiting(),
            {"destination": a_destination(replace(OPEN, flight=4, flying=3))},
            f"{ORIGIN} has been failing and is being probed: 3 deliveries on the way there, and "
            "more follow when they have fared well.",
            None,
        ),
        (
            waiting(),
            {"destination": a_destination(Breaker(open_until_ms=NOW, flight=2))},
            f"{ORIGIN} is recovering from failures and is handed a few deliveries at a time: next, "
            "4 deliveries are sent.",
            NOW,
        ),
        (
            waiting(),
            {"before_count": 1},
            "1 delivery of its destination is due before it, and goes first.",
            None,
        ),
        (
            waiting(),
            {"before_count": 1_000, "before_count_max": 1_000},
            "1,000 or more deliveries of its destination are due before it, and go first.",
            None,
        ),
        (
            waiting(),
            {},
            "It is due and nothing goes before it: it is sent as soon as there is room. At most "
            "256 attempts are made at once, 8 of them to one destination.",
            NOW,
        ),
        (
            ended(DeliveryStatus.DELIVERED, attempts_count=2),
            {},
            "It was delivered at 2027-01-15T08:00:00.000Z by attempt 2: the receiver answered 2xx.",
            None,
        ),
        (
            ended(DeliveryStatus.EXHAUSTED, attempts_count=10, reason="connect"),
            {},
            "It was given up at 2027-01-15T08:00:00.000Z: attempt 10 was the last of its schedule "
            "and failed (connect). Redeliver it to begin the schedule again.",
            None,
        ),
        (
            ended(DeliveryStatus.DISCARDED, attempts_count=1, reason="status"),
            {"last_attempt": attempt(status_code=410)},
            "It was discarded at 2027-01-15T08:00:00.000Z: the receiver answered 410 Gone, which "
            "asks for no more.",
            None,
        ),
        (
            ended(DeliveryStatus.DISCARDED, endpoint_id="e1"),
            {"endpoint": None, "last_attempt": attempt()},
            "It was discarded at 2027-01-15T08:00:00.000Z, as its endpoint was deleted.",
            None,
        ),
        (
            ended(DeliveryStatus.DISCARDED, endpoint_id="e1"),
            {"endpoint": replace(ENDPOINT, disabled_at_ms=NOW, disabled_reason="failing")},
            "It was discarded at 2027-01-15T08:00:00.000Z, as its endpoint was disabled at "
            "2027-01-15T08:00:00.000Z because it had failed for too long.",
            None,
        ),
        (
            ended(DeliveryStatus.DISCARDED, endpoint_id="e1"),
            {"endpoint": replace(ENDPOINT, disabled_at_ms=NOW, disabled_reason="gone")},
            "It was discarded at 2027-01-15T08:00:00.000Z, as its endpoint was disabled at "
            "2027-01-15T08:00:00.000Z because its receiver answered 410 Gone.",
            None,
        ),
        (
            ended(DeliveryStatus.DISCARDED, endpoint_id="e1"),
            {"endpoint": ENDPOINT},
            "It was discarded at 2027-01-15T08:00:00.000Z, because it could not be sent: its "
            "endpoint was disabled at that time, or a person had it discarded. Redeliver it to "
            "send it after all.",
            None,
        ),
        (
            ended(DeliveryStatus.CANCELLED),
            {},
            "A person cancelled it at 2027-01-15T08:00:00.000Z.",
            None,
        ),
        (
            ended(DeliveryStatus.CANCELLED, event="job.progress"),
            {},
            "It was cancelled at 2027-01-15T08:00:00.000Z: its job ended, after which only the end "
            "is sent, or a person cancelled it.",
            None,
        ),
    ],
)
def test_the_facts_make_the_sentence(
    delivery: Delivery, facts: dict[str, Any], sentence: str, moves_at_ms: int | None
) -> None:
    explanation = explained(delivery, **facts)
    reasons = [reason.sentence for reason in explanation.reasons if reason.code != "advice"]
    assert reasons == [sentence]
    assert explanation.moves_at_ms == moves_at_ms


def test_a_failure_without_an_answer_is_told_in_its_own_words_with_advice() -> None:
    delivery = waiting(
        next_attempt_at_ms=SOON, attempts_count=1, round_attempts_count=1, reason="tls"
    )
    words = "its certificate is not trusted: certificate has expired"
    last = attempt(status_code=None, reason="tls", detail=words)
    failed, advice = explained(delivery, last_attempt=last).reasons
    assert failed.sentence.startswith(f"Attempt 1 failed (tls: {words}); ")
    assert (advice.code, "ca_file" in advice.sentence) == ("advice", True)


def test_there_is_no_advice_before_the_first_attempt_of_a_round() -> None:
    delivery = waiting(attempts_count=1, round_attempts_count=0, reason="status")
    assert [one.code for one in explained(delivery, last_attempt=attempt()).reasons] == ["no_room"]


def test_every_reason_that_holds_is_given_and_the_latest_decides_when_it_moves() -> None:
    destination = a_destination(replace(OPEN, open_until_ms=SOON + 9))
    explanation = explained(
        waiting(next_attempt_at_ms=SOON, reason="status", attempts_count=1),
        destination=destination,
        before_count=0,
    )
    assert [reason.code for reason in explanation.reasons] == ["not_due", "destination_failing"]
    assert explanation.moves_at_ms == SOON + 9


def test_rates_are_named_where_there_are_any() -> None:
    caps = replace(CAPS, rate=50.0, rate_per_destination=2.5)
    explanation = explain(Facts(delivery=waiting(), now_ms=NOW, caps=caps))
    (reason,) = explanation.reasons
    assert reason.sentence.endswith(
        "8 of them to one destination, 50 a second in all, 2.5 a second to one destination."
    )
