"""Signatures: right by two independent verifiers, and no header breaks the check."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix
from hypothesis import given
from hypothesis import strategies as st

from ringback.clock import SystemClock
from ringback.ids import new_secret
from ringback.wire.signature import (
    MessageSigner,
    SignatureMismatch,
    Signer,
    decode_secret,
    sign,
    verify,
    webhook_headers,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
NOW_S = 1_614_265_330
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def headers_for(
    *secrets: str, body: bytes = BODY, timestamp_s: int = NOW_S, webhook_id: str = ID
) -> dict[str, str]:
    signers = [Signer(secret) for secret in secrets]
    made = webhook_headers(signers, webhook_id=webhook_id, timestamp_s=timestamp_s, body=body)
    return {name.decode(): value.decode() for name, value in made}


def test_the_published_example_comes_out() -> None:
    signature = sign(SECRET, webhook_id=ID, timestamp_s=NOW_S, body=BODY)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    document=st.dictionaries(st.text(), st.text()),
    key=st.binary(min_size=1, max_size=100),
    webhook_id=st.uuids().map(str),
)
def test_the_judges_accept_what_we_sign(
    document: dict[str, str], key: bytes, webhook_id: str
) -> None:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    secret = "whsec_" + base64.b64encode(key).decode()
    # The judges read the machine's time.
    now_s = SystemClock().now_ms() // 1000
    headers = headers_for(secret, body=body, timestamp_s=now_s, webhook_id=webhook_id)
    standardwebhooks.Webhook(secret).verify(body, headers)
    svix.Webhook(secret).verify(body, headers)


def test_we_accept_what_the_reference_libraries_sign() -> None:
    at = datetime.fromtimestamp(NOW_S, UTC)
    signature = standardwebhooks.Webhook(SECRET).sign(ID, at, BODY.decode())
    headers = {
        "Webhook-Id": ID,
        "Webhook-Timestamp": str(NOW_S),
        "Webhook-Signature": f"v1a,abc v1,AAAA {signature}",
    }
    assert verify([SECRET], headers=headers, body=BODY, now_s=NOW_S) == ID


def test_during_a_rotation_either_secret_verifies() -> None:
    old, new = new_secret(), new_secret()
    both = headers_for(old, new)
    assert verify([old], headers=both, body=BODY, now_s=NOW_S) == ID
    assert verify([new], headers=both, body=BODY, now_s=NOW_S) == ID
    assert verify([old, new], headers=headers_for(new), body=BODY, now_s=NOW_S) == ID
    with pytest.raises(SignatureMismatch):
        verify([new_secret()], headers=both, body=BODY, now_s=NOW_S)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("webhook-signature", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("webhook-signature", "v1,\ud800"),
        ("webhook-signature", "v1,é"),
        ("webhook-signature", "v1,x " * 100_000),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "1e9"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", " 1614265330"),
        ("webhook-timestamp", "1614265330\n"),
        ("webhook-timestamp", "1_614_265_330"),
        ("webhook-timestamp", "１６１４２６５３３０"),
        ("webhook-timestamp", "9" * 10_000),
        ("webhook-timestamp", str(NOW_S + 301)),
        ("webhook-timestamp", str(NOW_S - 301)),
        ("webhook-timestamp", str(NOW_S + 1)),
        ("webhook-id", ""),
        ("webhook-id", "another"),
        ("webhook-id", f"{ID}.1"),
        ("webhook-id", "\ud800"),
    ],
)
def test_a_header_that_is_not_ours_is_a_mismatch(name: str, value: str) -> None:
    headers = headers_for(SECRET) | {name: value}
    with pytest.raises(SignatureMismatch):
        verify([SECRET], headers=headers, body=BODY, now_s=NOW_S)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_a_mismatch(name: str) -> None:
    headers = headers_for(SECRET)
    del headers[name]
    with pytest.raises(SignatureMismatch):
        verify([SECRET], headers=headers, body=BODY, now_s=NOW_S)


@given(st.fixed_dictionaries({}, optional={name: st.text() for name in headers_for(SECRET)}))
def test_no_headers_raise_anything_else(changed: dict[str, str]) -> None:
    if changed:
        with pytest.raises(SignatureMismatch):
            verify([SECRET], headers=headers_for(SECRET) | changed, body=BODY, now_s=NOW_S)


def test_another_body_is_a_mismatch() -> None:
    with pytest.raises(SignatureMismatch, match="no signature"):
        verify([SECRET], headers=headers_for(SECRET), body=BODY + b" ", now_s=NOW_S)


def test_the_limits_of_the_time_window_are_inside() -> None:
    for now_s in (NOW_S - 300, NOW_S + 300):
        assert verify([SECRET], headers=headers_for(SECRET), body=BODY, now_s=now_s) == ID


def test_an_id_with_a_dot_is_not_signed() -> None:
    # "a.1" at 2 with body "x" would be signed like "a" at 1 with body "2.x".
    with pytest.raises(ValueError, match="dot"):
        sign(SECRET, webhook_id="a.1", timestamp_s=2, body=b"x")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!!", "whsec_YQ", "whsec_é"])
def test_a_secret_is_base64(secret: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        decode_secret(secret)


def test_the_error_about_a_secret_does_not_show_it() -> None:
    with pytest.raises(ValueError, match="webhook secret") as refused:
        decode_secret("whsec_almostright!")
    assert "almostright" not in str(refused.value)


def test_a_secrets_prefix_may_be_missing() -> None:
    assert decode_secret("whsec_YQ==") == decode_secret("YQ==") == b"a"


def test_a_signer_does_not_show_its_secret() -> None:
    assert repr(Signer(SECRET)) == "Signer(…)"


class Scripted:
    """A signer that answers what it was told to."""

    def __init__(self, signature: str) -> None:
        self._signature = signature

    def sign(self, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        return self._signature


def test_signatures_are_separated_by_exactly_one_space() -> None:
    signers = [Scripted("v1,AA=="), Scripted("v1,BB=="), Scripted("v1a,CC==")]
    made = webhook_headers(signers, webhook_id=ID, timestamp_s=NOW_S, body=BODY)
    assert made[2] == (b"webhook-signature", b"v1,AA== v1,BB== v1a,CC==")


@pytest.mark.parametrize(
    "signature", ["", " ", "v1,A ", " v1,A", "v1,A v1,B", "v1,A\r\nx: y", "\t"]
)
def test_a_signature_that_would_break_the_header_is_not_sent(signature: str) -> None:
    signers: list[MessageSigner] = [Signer(SECRET), Scripted(signature), Signer(SECRET)]
    with pytest.raises(ValueError, match="no spaces"):
        webhook_headers(signers, webhook_id=ID, timestamp_s=NOW_S, body=BODY)


def test_nothing_goes_out_unsigned() -> None:
    with pytest.raises(ValueError, match="needs a signature"):
        webhook_headers([], webhook_id=ID, timestamp_s=NOW_S, body=BODY)
