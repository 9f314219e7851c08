"""The requests for listeners whose deliveries have faults."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason, Timings
from ringback.lab.clock import LabClock
from ringback.lab.faulty_webhooks import FaultyRequestBuilder
from ringback.testing import FakeClock
from ringback.webhooks.delivery.listener_requests import ListenerRequest, SignedRequestBuilder
from ringback.webhooks.delivery.signers import Signing
from ringback.webhooks.model import Delivery
from ringback.wire.signature import SignatureMismatch, Signer, verify
from tests.builders import a_delivery, a_job

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNING = Signing(signers=(Signer(SECRET),))
FINE = Answer(status_code=200, timings=Timings(total_ms=1.0))


def built(
    faults: str | None, *, attempts_count: int = 0
) -> tuple[ListenerRequest | Answer, Delivery]:
    delivery = a_delivery(a_job(), lab=faults, attempts_count=attempts_count)
    builder = FaultyRequestBuilder(LabClock(FakeClock()))
    return builder.build(delivery, SIGNING, at_ms=builder.now_ms()), delivery


def is_genuine(request: ListenerRequest) -> bool:
    headers = {name.decode(): value.decode() for name, value in request.headers}
    try:
        verify([SECRET], headers=headers, body=request.body, now_s=request.signed_at_ms / 1000)
    except SignatureMismatch:
        return False
    return True


def test_without_faults_it_is_what_the_server_would_send() -> None:
    clock = LabClock(FakeClock())
    request, delivery = built(None)
    assert isinstance(request, ListenerRequest)
    assert request == SignedRequestBuilder(clock).build(
        delivery, SIGNING, at_ms=request.signed_at_ms
    )
    assert is_genuine(request)


@pytest.mark.parametrize(
    "faults", ["signature=bad", "signature=missing", "timestamp=old", "body=truncated"]
)
def test_what_is_spoiled_is_not_genuine_and_is_the_next_time(faults: str) -> None:
    spoiled, _ = built(faults)
    right, _ = built(faults, attempts_count=1)
    assert isinstance(spoiled, ListenerRequest)
    assert isinstance(right, ListenerRequest)
    assert (is_genuine(spoiled), is_genuine(right)) == (False, True)


@pytest.mark.parametrize(
    ("faults", "at_once"), [("deliver=twice", False), ("deliver=at-once", True)]
)
def test_what_is_delivered_twice_is_two_copies(faults: str, at_once: bool) -> None:
    request, _ = built(faults)
    assert isinstance(request, ListenerRequest)
    assert (request.copies, request.at_once, is_genuine(request)) == (2, at_once, True)


def test_what_is_held_back_is_not_handed_out_at_first() -> None:
    answer, _ = built("hold=1")
    assert isinstance(answer, Answer)
    assert answer.reason is Reason.LAB
    assert isinstance(built("hold=1", attempts_count=1)[0], ListenerRequest)


def test_a_good_answer_that_the_lab_forgets_has_it_come_again_once() -> None:
    builder = FaultyRequestBuilder(LabClock(FakeClock()))
    _, delivery = built("again=10s")
    lost = builder.effective_answer(delivery, FINE)
    assert (lost.reason, lost.header(b"retry-after")) == (Reason.LAB, b"10")
    assert builder.effective_answer(replace(delivery, attempts_count=1), FINE) is FINE
    refused = replace(FINE, status_code=500, reason=Reason.STATUS)
    assert builder.effective_answer(delivery, refused) is refused
