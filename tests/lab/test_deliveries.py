"""The lab's faults in one attempt, as a receiver sees them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ringback.egress.answer import Answer, Reason, Timings
from ringback.ids import new_secret
from ringback.jobs.requested_faults import parse_faults
from ringback.lab.deliveries import (
    Header,
    WebhookRequest,
    held_answer,
    lost_answer,
    plan_attempt,
    worst,
)
from ringback.webhooks.outcome import Outcome, classify, retry_after_s
from ringback.wire.signature import SignatureMismatch, Signer, verify, webhook_headers

NOW_S = 1_800_000_000
SECRET = new_secret()
BODY = b'{"job_id":"7","status":"completed"}'


def sign(timestamp_s: int) -> Sequence[Header]:
    signers = [Signer(SECRET), Signer(new_secret())]
    return webhook_headers(signers, webhook_id="w-7", timestamp_s=timestamp_s, body=BODY)


REQUEST = WebhookRequest(
    ((b"content-type", b"application/json"), *sign(NOW_S), (b"x-shop", b"1")), BODY
)


def requests(text: str, attempt_number: int = 1) -> tuple[WebhookRequest, ...]:
    plan = plan_attempt(
        parse_faults(text), REQUEST, attempt_number=attempt_number, now_s=NOW_S, sign=sign
    )
    return plan.requests


def why_refused(request: WebhookRequest) -> str | None:
    """Return a strict receiver's objection to the request, or None."""
    headers = {name.decode(): value.decode() for name, value in request.headers}
    try:
        verify([SECRET], headers=headers, body=request.body, now_s=NOW_S)
    except SignatureMismatch as exc:
        return str(exc)
    return None


def test_without_faults_the_request_goes_as_it_is() -> None:
    assert requests("none") == (REQUEST,)
    assert why_refused(REQUEST) is None


def test_deliver_twice_sends_the_same_bytes_twice() -> None:
    assert requests("deliver=twice") == (REQUEST, REQUEST)
    assert requests("deliver=at-once", 3) == (REQUEST, REQUEST)


def test_the_first_attempts_are_held_back() -> None:
    assert [len(requests("hold=3", number)) for number in range(1, 6)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("signature=bad", "no signature matches"),
        ("signature=missing", "missing or malformed"),
        ("timestamp=old", "too far from now"),
        ("timestamp=future", "too far from now"),
        ("body=truncated", "no signature matches"),
        ("timestamp=old; signature=bad; body=truncated", "too far from now"),
    ],
)
def test_a_spoiled_attempt_is_refused_and_the_next_is_not(text: str, why: str) -> None:
    (spoiled,) = requests(text)
    assert why in (why_refused(spoiled) or "")
    assert requests(text, 2) == (REQUEST,)
    assert (b"x-shop", b"1") in spoiled.headers


def test_as_many_attempts_are_spoiled_as_are_named_after_those_held_back() -> None:
    text = "hold=1; signature=bad; spoil=2"
    assert requests(text, 1) == ()
    refused = [why_refused(requests(text, number)[0]) is not None for number in (2, 3, 4)]
    assert refused == [True, True, False]


def test_a_bad_signature_looks_like_a_good_one() -> None:
    (spoiled,) = requests("signature=bad")
    good, bad = dict(REQUEST.headers), dict(spoiled.headers)
    one, other = bad[b"webhook-signature"].split(b" ")
    assert len(bad[b"webhook-signature"]) == len(good[b"webhook-signature"])
    assert one.startswith(b"v1,")
    assert other.startswith(b"v1,")
    assert one not in good[b"webhook-signature"]
    assert other not in good[b"webhook-signature"]
    assert spoiled.body == BODY


def test_an_old_webhook_is_signed_well_at_its_time() -> None:
    (old,) = requests("timestamp=old")
    headers = {name.decode(): value.decode() for name, value in old.headers}
    assert int(headers["webhook-timestamp"]) == NOW_S - 600
    assert verify([SECRET], headers=headers, body=BODY, now_s=NOW_S - 600) == "w-7"
    assert len(old.headers) == len(REQUEST.headers)


def test_a_truncated_body_is_the_beginning_under_the_headers_of_the_whole() -> None:
    (cut,) = requests("body=truncated")
    assert BODY.startswith(cut.body)
    assert 0 < len(cut.body) < len(BODY)
    assert cut.headers == REQUEST.headers


def again_of(text: str, attempt_number: int) -> int:
    faults = parse_faults(text)
    return plan_attempt(
        faults, REQUEST, attempt_number=attempt_number, now_s=NOW_S, sign=sign
    ).again_ms


def test_the_first_attempt_that_can_be_taken_is_the_one_that_comes_again() -> None:
    assert [again_of("again=2s", n) for n in (1, 2, 3)] == [2000, 0, 0]
    text = "hold=1; signature=bad; spoil=2; again=2s"
    assert [again_of(text, n) for n in range(1, 6)] == [0, 0, 0, 2000, 0]


def an_answer(status: int) -> Answer:
    reason = None if status < 300 else Reason.STATUS
    return Answer(status_code=status, reason=reason, timings=Timings(total_ms=3.0), body=b"ok")


def test_an_attempt_held_back_is_tried_again() -> None:
    assert classify(held_answer()) is Outcome.RETRY
    assert held_answer().reason is Reason.LAB


def test_a_2xx_thrown_away_is_tried_again_after_the_wait_that_was_asked_for() -> None:
    lost = lost_answer(an_answer(204), 1_500)
    assert classify(lost) is Outcome.RETRY
    assert retry_after_s(lost, now_ms=0) == 2.0
    assert (lost.status_code, lost.body) == (204, b"ok")
    assert "1500ms" in lost.detail


def test_of_several_answers_the_first_that_is_no_2xx_counts() -> None:
    taken, refused, broken = an_answer(204), an_answer(409), an_answer(500)
    assert worst([taken, refused, broken]) is refused
    assert worst([an_answer(200), taken]) is taken
