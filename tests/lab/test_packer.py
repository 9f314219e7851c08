"""What a listener is handed when its delivery has faults: decided anew by whoever is told."""

from __future__ import annotations

import pytest
from builders import a_delivery, a_job
from msgspec.structs import replace

from ringback.egress.answer import Answer, Reason, Timings
from ringback.lab.clock import LabClock
from ringback.testing import FakeClock
from ringback.webhooks.faulty import FaultyPacker
from ringback.webhooks.model import Delivery
from ringback.webhooks.parcels import Parcel, SignedPacker
from ringback.webhooks.signing import Signing
from ringback.wire.signature import SignatureMismatch, Signer, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNING = Signing(signers=(Signer(SECRET),))
FINE = Answer(status_code=200, timings=Timings(total_ms=1.0))


def packed(faults: str | None, *, attempts_count: int = 0) -> tuple[Parcel | Answer, Delivery]:
    delivery = a_delivery(a_job(), lab=faults, attempts_count=attempts_count)
    packer = FaultyPacker(LabClock(FakeClock()))
    return packer.pack(delivery, SIGNING, at_ms=packer.now_ms()), delivery


def is_genuine(parcel: Parcel) -> bool:
    headers = {name.decode(): value.decode() for name, value in parcel.headers}
    try:
        verify([SECRET], headers=headers, body=parcel.body, now_s=parcel.signed_at_ms / 1000)
    except SignatureMismatch:
        return False
    return True


def test_without_faults_it_is_what_the_server_would_send() -> None:
    clock = LabClock(FakeClock())
    parcel, delivery = packed(None)
    assert isinstance(parcel, Parcel)
    assert parcel == SignedPacker(clock).pack(delivery, SIGNING, at_ms=parcel.signed_at_ms)
    assert is_genuine(parcel)


@pytest.mark.parametrize(
    "faults", ["signature=bad", "signature=missing", "timestamp=old", "body=truncated"]
)
def test_what_is_spoiled_is_not_genuine_and_is_the_next_time(faults: str) -> None:
    spoiled, _ = packed(faults)
    right, _ = packed(faults, attempts_count=1)
    assert isinstance(spoiled, Parcel)
    assert isinstance(right, Parcel)
    assert (is_genuine(spoiled), is_genuine(right)) == (False, True)


@pytest.mark.parametrize(
    ("faults", "at_once"), [("deliver=twice", False), ("deliver=at-once", True)]
)
def test_what_is_delivered_twice_is_two_copies(faults: str, at_once: bool) -> None:
    parcel, _ = packed(faults)
    assert isinstance(parcel, Parcel)
    assert (parcel.copies, parcel.at_once, is_genuine(parcel)) == (2, at_once, True)


def test_what_is_held_back_is_not_handed_out_at_first() -> None:
    answer, _ = packed("hold=1")
    assert isinstance(answer, Answer)
    assert answer.reason is Reason.LAB
    assert isinstance(packed("hold=1", attempts_count=1)[0], Parcel)


def test_a_good_answer_that_the_lab_forgets_has_it_come_again_once() -> None:
    packer = FaultyPacker(LabClock(FakeClock()))
    _, delivery = packed("again=10s")
    lost = packer.heard(delivery, FINE)
    assert (lost.reason, lost.header(b"retry-after")) == (Reason.LAB, b"10")
    assert packer.heard(replace(delivery, attempts_count=1), FINE) is FINE
    refused = replace(FINE, status_code=500, reason=Reason.STATUS)
    assert packer.heard(delivery, refused) is refused
