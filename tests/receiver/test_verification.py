"""Verification accepts genuine webhooks and refuses every other input."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ringback.receiver import (
    BadSignature,
    Malformed,
    MissingHeader,
    Receiver,
    ReceiverMisuse,
    TooNew,
    TooOld,
    WebhookVerificationError,
)
from ringback.receiver.public_keys import PublishedKeys, keys_in
from ringback.signing.ed25519 import Ed25519Signer, jwks, key_pair_from
from ringback.wire.signature import webhook_headers
from tests.receiver.kit import NOW_S, OTHER, SECRET, StillClock, a_job, signed

RECEIVER = Receiver(SECRET, clock=StillClock())


def test_a_genuine_webhook_is_its_job() -> None:
    event = RECEIVER.verify(signed(a_job()), a_job())
    assert event.type == "job.completed"
    assert event.webhook_id == "delivery-1"
    assert event.job.urls == ("https://x.example/1.png",)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_the_type_comes_from_the_signed_body_and_not_from_a_header(status: str) -> None:
    body = a_job(status=status)
    assert RECEIVER.verify(signed(body, event="job.completed"), body).type == f"job.{status}"


def test_news_of_a_job_under_way_has_the_type_of_its_header_if_that_is_one() -> None:
    body = a_job(status="processing")
    assert RECEIVER.verify(signed(body, event="job.started"), body).type == "job.started"
    assert RECEIVER.verify(signed(body, event="job.completed"), body).type == "job.updated"


def test_any_standard_webhooks_sender_is_understood() -> None:
    body = b'{"type": "invoice.paid", "data": {}}'
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(NOW_S, UTC)
    signature = Webhook(SECRET).sign("msg_1", at, body.decode())
    headers = [("Webhook-Id", "msg_1"), ("WEBHOOK-TIMESTAMP", str(NOW_S))]
    event = RECEIVER.verify([*headers, ("webhook-signature", signature)], body)
    assert (event.type, event.job_or_none) == ("invoice.paid", None)
    assert event.document["type"] == "invoice.paid"


def test_one_right_secret_of_several_is_enough_on_either_side() -> None:
    body = a_job()
    assert RECEIVER.verify(signed(body, secrets=(OTHER, SECRET)), body)
    both = Receiver([OTHER, SECRET], clock=StillClock())
    assert both.verify(signed(body), body)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"webhook-id": None}, MissingHeader),
        ({"webhook-timestamp": None}, MissingHeader),
        ({"webhook-signature": None}, MissingHeader),
        ({"webhook-id": "a.b"}, Malformed),
        ({"webhook-id": ""}, Malformed),
        ({"webhook-timestamp": "soon"}, Malformed),
        ({"webhook-timestamp": "٣"}, Malformed),
        ({"webhook-signature": " ".join(["v1,AAAA"] * 33)}, Malformed),
        ({"webhook-signature": ""}, Malformed),
        ({"webhook-signature": "v1,é"}, Malformed),
        ({"webhook-timestamp": str(NOW_S - 301)}, TooOld),
        ({"webhook-timestamp": str(NOW_S + 301)}, TooNew),
        ({"webhook-timestamp": str(NOW_S - 1)}, BadSignature),
        ({"webhook-id": "delivery-2"}, BadSignature),
        ({"webhook-signature": "v1,AAAA"}, BadSignature),
        ({"webhook-signature": "v1a,AAAA"}, BadSignature),
    ],
)
def test_each_refusal_has_its_kind(
    change: dict[str, str | None], kind: type[WebhookVerificationError]
) -> None:
    named = {
        name: value for name, value in {**signed(a_job()), **change}.items() if value is not None
    }
    with pytest.raises(WebhookVerificationError) as refused:
        RECEIVER.verify(named, a_job())
    assert type(refused.value) is kind
    assert SECRET not in str(refused.value)


def test_another_body_and_another_secret_are_refused() -> None:
    with pytest.raises(BadSignature):
        RECEIVER.verify(signed(a_job()), a_job() + b"\n")
    with pytest.raises(BadSignature):
        RECEIVER.verify(signed(a_job(), secrets=(OTHER,)), a_job())


def test_a_signed_body_that_is_no_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        RECEIVER.verify(signed(b"{"), b"{")


def test_two_values_of_one_header_are_refused_and_one_value_twice_is_not() -> None:
    pairs = list(signed(a_job()).items())
    assert RECEIVER.verify([*pairs, pairs[0]], a_job())
    with pytest.raises(Malformed):
        RECEIVER.verify([*pairs, ("webhook-id", "another")], a_job())


_names = st.sampled_from(["webhook-id", b"Webhook-Id", "webhook-timestamp", "webhook-signature"])
_values = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40),
    st.none(),
    st.integers(),
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from([str(NOW_S), "v1,AAAA", "v1a,AAAA", "x"]),
)
_headers = st.one_of(
    st.dictionaries(st.one_of(_names, st.text(max_size=9)), _values, max_size=6),
    st.lists(st.tuples(_names, _values), max_size=6),
    st.lists(_values, max_size=3),
)


@given(_headers, st.binary(max_size=200))
def test_any_request_is_verified_or_raises_a_verification_error(headers: Any, body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        RECEIVER.verify(headers, body)


@given(st.binary(max_size=300))
def test_any_signed_body_is_an_event_or_malformed(body: bytes) -> None:
    try:
        event = RECEIVER.verify(signed(body), body)
    except Malformed:
        return
    assert event.body == body


def test_published_keys_are_fetched_when_needed_and_once_a_minute_at_most() -> None:
    clock = StillClock()
    first, second = key_pair_from(b"1" * 32), key_pair_from(b"2" * 32)
    published, fetched = [jwks([first.public])], []

    def fetch(url: str) -> bytes:
        import msgspec

        fetched.append(url)
        return msgspec.json.encode(published[-1])

    keys = PublishedKeys("https://x.example/jwks", monotonic=clock.monotonic, fetch=fetch)
    body = a_job()

    def is_believed(private: str) -> bool:
        made = dict(
            webhook_headers([Ed25519Signer(private)], webhook_id="d", timestamp_s=NOW_S, body=body)
        )
        signature = made[b"webhook-signature"].decode()
        return keys.verifies([signature], webhook_id="d", at_s=NOW_S, body=body)

    assert is_believed(first.private)
    assert not is_believed(second.private)
    assert len(fetched) == 1
    published.append(jwks([second.public]))
    clock.at_s += 61
    assert is_believed(second.private)
    assert not is_believed(first.private)
    assert len(fetched) == 2


def test_a_public_key_is_a_key() -> None:
    pair = key_pair_from(b"3" * 32)
    body = a_job()
    made = webhook_headers(
        [Ed25519Signer(pair.private)], webhook_id="d", timestamp_s=NOW_S, body=body
    )
    assert Receiver(pair.public, clock=StillClock()).verify(made, body).webhook_id == "d"


@given(st.binary(max_size=100))
def test_an_invalid_key_set_is_a_value_error(document: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of its kinds
        keys_in(document)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%", "whpk_AAAA", []])
def test_an_invalid_secret_is_refused_at_once(secret: Any) -> None:
    with pytest.raises(ReceiverMisuse):
        Receiver(secret)
