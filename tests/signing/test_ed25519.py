"""Ed25519: right by RFC 8032, no trouble beside HMAC, published as RFC 8037 has it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest
import standardwebhooks
import svix
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.clock import SystemClock
from ringback.ids import new_secret
from ringback.signing.ed25519 import (
    Ed25519Signer,
    jwks,
    key_pair_from,
    new_key_pair,
    public_key_of,
    verify_ed25519,
)
from ringback.wire.signature import (
    MessageSigner,
    SignatureMismatch,
    Signer,
    verify,
    webhook_headers,
)
from tests.signing import ed25519

BODY = b'{"test": 2432232314}'
NOW_S = 1_614_265_330
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
PAIR = key_pair_from(bytes(range(32)))

# RFC 8032, section 7.1: seed, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def headers_from(
    *signers: MessageSigner, body: bytes = BODY, timestamp_s: int = NOW_S
) -> dict[str, str]:
    made = webhook_headers(signers, webhook_id=ID, timestamp_s=timestamp_s, body=body)
    return {name.decode(): value.decode() for name, value in made}


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_the_oracle_agrees_with_the_rfc(
    seed: str, public: str, message: str, signature: str
) -> None:
    assert ed25519.public_of(bytes.fromhex(seed)).hex() == public
    assert ed25519.sign(bytes.fromhex(seed), bytes.fromhex(message)).hex() == signature


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_a_key_pair_is_the_rfcs_in_the_text_form_of_standard_webhooks(
    seed: str, public: str, message: str, signature: str
) -> None:
    pair = key_pair_from(bytes.fromhex(seed))
    assert pair.private == "whsk_" + b64encode(bytes.fromhex(seed + public)).decode()
    assert pair.public == "whpk_" + b64encode(bytes.fromhex(public)).decode()
    assert public_key_of(pair.private) == pair.public


@settings(max_examples=20)
@given(seed=st.binary(min_size=32, max_size=32), body=st.binary(max_size=300))
def test_a_signature_is_the_oracles_of_id_time_and_body(seed: bytes, body: bytes) -> None:
    signer = Ed25519Signer(key_pair_from(seed).private)
    signature = signer.sign(webhook_id=ID, timestamp_s=NOW_S, body=body)
    expected = ed25519.sign(seed, f"{ID}.{NOW_S}.".encode() + body)
    assert signature == "v1a," + b64encode(expected).decode()


def test_every_new_key_pair_is_another() -> None:
    pairs = [new_key_pair() for _ in range(100)]
    assert len({pair.private for pair in pairs}) == len({pair.public for pair in pairs}) == 100


def test_the_judges_accept_hmac_and_ed25519_together() -> None:
    older, newer = new_secret(), new_secret()
    # The judges read the machine's time.
    now_s = SystemClock().now_ms() // 1000
    signers = (Signer(newer), Signer(older), Ed25519Signer(PAIR.private))
    headers = headers_from(*signers, timestamp_s=now_s)
    versions = [token.split(",")[0] for token in headers["webhook-signature"].split(" ")]
    assert versions == ["v1", "v1", "v1a"]
    for secret in (older, newer):
        standardwebhooks.Webhook(secret).verify(BODY, headers)
        svix.Webhook(secret).verify(BODY, headers)
        assert verify([secret], headers=headers, body=BODY, now_s=now_s) == ID
    assert verify_ed25519([PAIR.public], headers=headers, body=BODY, now_s=now_s) == ID


def test_a_verifier_still_refuses_when_only_ed25519_is_genuine() -> None:
    now_s = SystemClock().now_ms() // 1000
    headers = headers_from(Signer(new_secret()), Ed25519Signer(PAIR.private), timestamp_s=now_s)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret()).verify(BODY, headers)


def test_either_public_key_of_a_rotation_verifies() -> None:
    other = new_key_pair()
    headers = headers_from(Ed25519Signer(PAIR.private), Ed25519Signer(other.private))
    for keys in ([PAIR.public], [other.public], [new_key_pair().public, other.public]):
        assert verify_ed25519(keys, headers=headers, body=BODY, now_s=NOW_S) == ID
    with pytest.raises(SignatureMismatch):
        verify_ed25519([new_key_pair().public], headers=headers, body=BODY, now_s=NOW_S)
    with pytest.raises(SignatureMismatch):
        verify_ed25519([], headers=headers, body=BODY, now_s=NOW_S)


GENUINE = headers_from(Ed25519Signer(PAIR.private))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "another"),
        ("webhook-timestamp", str(NOW_S + 1)),
        ("webhook-timestamp", str(NOW_S - 301)),
        ("webhook-signature", ""),
        ("webhook-signature", "v1a,"),
        ("webhook-signature", "v1a,AAAA"),
        ("webhook-signature", "v1a,!!!!"),
        ("webhook-signature", "v1a," + b64encode(bytes(64)).decode()),
        ("webhook-signature", GENUINE["webhook-signature"].replace("v1a,", "v1,")),
        ("webhook-signature", GENUINE["webhook-signature"] + "AAAA"),
        ("webhook-signature", "v1a,é"),
        ("webhook-signature", "v1a,x " * 1_000),
    ],
)
def test_a_header_that_is_not_ours_is_a_mismatch(name: str, value: str) -> None:
    with pytest.raises(SignatureMismatch):
        verify_ed25519([PAIR.public], headers=GENUINE | {name: value}, body=BODY, now_s=NOW_S)


@given(st.integers(0, 63), st.integers(1, 255))
def test_a_signature_with_one_byte_changed_is_a_mismatch(position: int, change: int) -> None:
    raw = bytearray(b64decode(GENUINE["webhook-signature"].removeprefix("v1a,")))
    raw[position] ^= change
    changed = GENUINE | {"webhook-signature": "v1a," + b64encode(raw).decode()}
    with pytest.raises(SignatureMismatch):
        verify_ed25519([PAIR.public], headers=changed, body=BODY, now_s=NOW_S)


@given(st.fixed_dictionaries({}, optional={name: st.text() for name in GENUINE}))
def test_no_headers_raise_anything_else(changed: dict[str, str]) -> None:
    if changed:
        headers = GENUINE | changed
        with pytest.raises(SignatureMismatch):
            verify_ed25519([PAIR.public], headers=headers, body=BODY, now_s=NOW_S)


def test_another_body_is_a_mismatch() -> None:
    with pytest.raises(SignatureMismatch, match="no signature"):
        verify_ed25519([PAIR.public], headers=GENUINE, body=BODY + b" ", now_s=NOW_S)


def test_an_id_with_a_dot_is_not_signed() -> None:
    with pytest.raises(ValueError, match="dot"):
        Ed25519Signer(PAIR.private).sign(webhook_id="a.1", timestamp_s=2, body=b"x")


_MIXED = b64decode(PAIR.private[5:])[:32] + b64decode(key_pair_from(bytes(32)).public[5:])


@pytest.mark.parametrize(
    ("private", "sentence"),
    [
        ("", "whsk_"),
        ("whsk_", "whsk_"),
        ("whsk_!!!!", "whsk_"),
        ("whsk_é", "whsk_"),
        (PAIR.public, "whsk_"),
        (PAIR.private.removeprefix("whsk_"), "whsk_"),
        ("whsk_" + b64encode(bytes(32)).decode(), "64 bytes"),
        ("whsk_" + b64encode(_MIXED).decode(), "belong together"),
    ],
)
def test_a_private_key_is_refused_with_a_sentence_that_does_not_show_it(
    private: str, sentence: str
) -> None:
    for use in (Ed25519Signer, public_key_of):
        with pytest.raises(ValueError, match=sentence) as refused:
            use(private)
        assert len(private) <= 5 or private[5:] not in str(refused.value)
        assert refused.value.__context__ is None


@pytest.mark.parametrize("public", ["", "whpk_", "whpk_!!", PAIR.private, "whpk_" + "A" * 84])
def test_a_public_key_is_32_bytes(public: str) -> None:
    with pytest.raises(ValueError, match="whpk_"):
        verify_ed25519([public], headers=GENUINE, body=BODY, now_s=NOW_S)
    with pytest.raises(ValueError, match="whpk_"):
        jwks([public])


def test_neither_signer_nor_key_pair_shows_its_secret() -> None:
    assert repr(Ed25519Signer(PAIR.private)) == "Ed25519Signer(…)"
    assert PAIR.private[5:40] not in f"{PAIR!r} {PAIR} {[PAIR]}"


def test_a_published_key_is_as_rfc_8037_shows_it() -> None:
    seed, _, _, _ = VECTORS[0]  # of which RFC 8037 prints the key and its thumbprint, appendix A
    assert jwks([key_pair_from(bytes.fromhex(seed)).public]) == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "alg": "EdDSA",
                "use": "sig",
            }
        ]
    }


def test_a_key_set_has_each_key_once_in_its_order_and_nothing_private() -> None:
    pairs = [new_key_pair() for _ in range(3)]
    shown = jwks([pairs[0].public, pairs[1].public, pairs[0].public, pairs[2].public])
    lone = [jwks([pair.public])["keys"][0] for pair in pairs]
    assert shown["keys"] == lone
    assert {name for key in lone for name in key} == {"kty", "crv", "x", "kid", "alg", "use"}
    assert json.loads(json.dumps(jwks([]))) == {"keys": []}
