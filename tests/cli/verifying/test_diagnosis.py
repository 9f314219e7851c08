"""What is wrong with a signature, for everything that goes wrong in practice."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ringback.cli.verifying.diagnosis import Diagnosis, diagnose
from ringback.cli.verifying.public import diagnose_any
from ringback.cli.verifying.request import NoRequest, read_request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/8="
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
KEY = b64decode(SECRET.removeprefix("whsec_"))
NOW_S = 1_795_445_535
ID = "01a208e4-b3a8-75d8-89e0-5c12f95ee110"
BODY = (
    '{"job_id":"01a208e4","status":"completed","created_at":"2026-11-23T14:52:14.793Z",'
    '"completed_at":"2026-11-23T14:52:15.656Z","result":{"urls":["https://x.example/é.png"]}}'
).encode()


def mac(content: bytes, key: bytes = KEY, digest: str = "sha256") -> bytes:
    return hmac.digest(key, content, digest)


def content(body: bytes = BODY, at: object = NOW_S) -> bytes:
    return f"{ID}.{at}.".encode() + body


def v1(signed: bytes, key: bytes = KEY) -> str:
    return "v1," + b64encode(mac(signed, key)).decode()


RIGHT = v1(content())


def raw(
    *, signature: str = RIGHT, body: bytes = BODY, at: object = NOW_S, end: str = "\r\n"
) -> bytes:
    """Return a captured request, right in everything that is not said to be otherwise."""
    lines = [
        "POST /webhook HTTP/1.1",
        "Host: 127.0.0.1:8000",
        "Content-Type: application/json",
        f"Webhook-Id: {ID}",
        f"Webhook-Timestamp: {at}",
        f"Webhook-Signature: {signature}",
        f"Content-Length: {len(body)}",
    ]
    return (end.join(lines) + end * 2).encode() + body


def examined(request: bytes, *secrets: str, now_s: float = NOW_S + 1) -> Diagnosis:
    return diagnose(read_request(request), secrets or (SECRET,), now_s=now_s, tolerance_s=300)


def codes(request: bytes, *secrets: str, now_s: float = NOW_S + 1) -> list[str]:
    found = examined(request, *secrets, now_s=now_s)
    assert found.is_genuine == ([one.code for one in found.findings] == ["genuine"])
    assert all(one.sentence[-1] == "." for one in found.findings)
    return [one.code for one in found.findings]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_genuine_request_is_one_however_its_lines_end(end: str) -> None:
    assert codes(raw(end=end)) == ["genuine"]
    assert codes(raw(end=end), OTHER, SECRET) == ["genuine"]


def test_what_another_make_of_sender_signs_is_genuine() -> None:
    from datetime import UTC, datetime

    signature = Webhook(SECRET).sign(ID, datetime.fromtimestamp(NOW_S, UTC), BODY.decode())
    assert codes(raw(signature=f"v1,AAAA {signature} v2,BBBB")) == ["genuine"]


DOCUMENT = json.loads(BODY)
SORTED = json.dumps(DOCUMENT, sort_keys=True).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (json.dumps(DOCUMENT).encode(), "reserialized"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode(), "reserialized"),
        (json.dumps(DOCUMENT, indent=2).encode(), "reserialized"),
        (json.dumps(DOCUMENT, indent="\t").encode() + b"\n", "reserialized"),
        (SORTED, "reserialized"),
        (BODY + b"\n", "trailing_newline"),
        (BODY + b"\r\n", "trailing_newline"),
        (b" " + BODY, "whitespace"),
        (json.dumps(BODY.decode()).encode(), "encoded_twice"),
        (BODY.decode().encode("latin-1"), "encoding"),
        (BODY.decode("latin-1").encode(), "encoding"),
        (BODY.replace(b"completed", b"failed"), "bad_signature"),
        (BODY[:-9], "bad_signature"),
        (b"", "bad_signature"),
    ],
)
def test_a_body_that_was_changed_is_told_by_how(body: bytes, code: str) -> None:
    assert codes(raw(body=body)) == [code]


@pytest.mark.parametrize(
    ("signed", "came"),
    [
        (b'{\n "a": 1\n}', b'{\r\n "a": 1\r\n}'),
        (b'{\r\n "a": 1\r\n}', b'{\n "a": 1\n}'),
        (b'{\n "a": 1\n}', b'{\r\n "a": 1\r\n}\r\n'),
    ],
)
def test_line_breaks_that_were_changed_are_told(signed: bytes, came: bytes) -> None:
    assert codes(raw(signature=v1(content(signed)), body=came)) == ["line_breaks"]


def test_a_line_break_that_was_lost_is_told() -> None:
    assert codes(raw(signature=v1(content(BODY + b"\n")))) == ["missing_newline"]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (v1(content(), SECRET.encode()), ["key_not_decoded"]),
        (v1(content(), SECRET.removeprefix("whsec_").encode()), ["key_not_decoded"]),
        ("v1," + mac(content()).hex(), ["wrong_encoding"]),
        ("v1," + mac(content()).hex().upper(), ["wrong_encoding"]),
        ("v1," + urlsafe_b64encode(mac(content())).decode(), ["wrong_encoding"]),
        (RIGHT.rstrip("="), ["wrong_encoding"]),
        ("v1," + b64encode(mac(content()).hex().encode()).decode(), ["wrong_encoding"]),
        ("v1," + b64encode(mac(content(), digest="sha1")).decode(), ["wrong_digest"]),
        ("v1," + b64encode(mac(content(), digest="sha512")).decode(), ["wrong_digest"]),
        ("v1," + b64encode(hashlib.sha256(KEY + content()).digest()).decode(), ["wrong_digest"]),
        (v1(content(at=f"{NOW_S}000")), ["signed_in_milliseconds"]),
        (v1(BODY), ["wrong_content"]),
        (v1(f"{NOW_S}.".encode() + BODY), ["wrong_content"]),
        (v1(f"{ID}:{NOW_S}:".encode() + BODY), ["wrong_content"]),
        (v1(f"{NOW_S}.{ID}.".encode() + BODY), ["wrong_content"]),
        (RIGHT.removeprefix("v1,"), ["no_version"]),
        (RIGHT.replace("v1,", "v1="), ["no_version"]),
        (f"v1,AAAA,{RIGHT}", ["joined_wrongly"]),
        (f"v1,AAAA;{RIGHT}", ["joined_wrongly"]),
        (f"v1,AAAA{RIGHT}", ["joined_wrongly"]),
        (f"{RIGHT}{v1(content(), b'x')}", ["joined_wrongly"]),
        ("", ["malformed"]),
        ("v1,", ["bad_signature"]),
        (v1(content(), b64decode(OTHER.removeprefix("whsec_"))), ["bad_signature"]),
        (f"v1a,{b64encode(b'x' * 64).decode()}", ["public_key", "bad_signature"]),
        ("v1," + mac(BODY).hex(), ["wrong_content", "wrong_encoding"]),
    ],
)
def test_a_signature_that_was_made_wrongly_is_told_by_how(
    signature: str, expected: list[str]
) -> None:
    assert codes(raw(signature=signature)) == expected


def test_another_secret_and_a_changed_body_are_two_things() -> None:
    signature = v1(content(), SECRET.encode())
    request = raw(signature=signature, body=json.dumps(DOCUMENT).encode())
    assert codes(request) == ["key_not_decoded", "reserialized"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (f"{NOW_S}000", ["timestamp_in_milliseconds"]),
        ("2026-11-23T14:52:15Z", ["malformed"]),
        (f"{NOW_S}.5", ["malformed"]),
        ("-7", ["malformed"]),
        ("", ["malformed"]),
        (NOW_S - 400, ["too_old"]),
        (NOW_S + 400, ["too_new"]),
        (NOW_S - 400_000_000_000, ["malformed"]),
    ],
)
def test_a_time_that_is_wrong_is_told_by_how(at: object, expected: list[str]) -> None:
    assert codes(raw(at=at, signature=v1(content(at=at)))) == expected


def test_a_time_in_milliseconds_that_was_signed_in_seconds_is_told() -> None:
    request = raw(at=f"{NOW_S}000")
    assert codes(request) == ["timestamp_in_milliseconds", "signed_in_seconds"]


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_named_with_what_is_there_instead(name: str) -> None:
    gone = raw().replace(f"{name}:".encode(), b"X-Other:")
    (finding,) = examined(gone).findings
    assert (finding.code, name.lower() in finding.sentence) == ("missing_header", True)
    alike = "svix-" + name.lower().removeprefix("webhook-")
    (finding,) = examined(raw().replace(name.encode(), alike.encode())).findings
    assert f"{alike} is there instead" in finding.sentence


def test_a_header_that_is_there_twice_is_told() -> None:
    twice = raw().replace(b"Host:", b"Webhook-Id: other\r\nHost:")
    assert "malformed" in codes(twice)


def test_a_body_that_is_shorter_or_longer_than_it_says_is_told() -> None:
    assert codes(raw()[:-9]) == ["bad_signature", "body_shorter"]
    assert codes(raw() + b"\n--boundary") == ["body_longer"]


def test_a_body_in_chunks_or_compressed_is_read_as_programs_get_it() -> None:
    length = f"Content-Length: {len(BODY)}".encode()
    chunked = raw().replace(length, b"Transfer-Encoding: chunked").removesuffix(BODY)
    parts = (BODY[:50], BODY[50:], b"")
    whole = chunked + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    assert codes(whole) == ["genuine"]
    assert codes(chunked + BODY) == ["genuine"]
    packed = raw().replace(length, b"Content-Encoding: gzip").removesuffix(BODY)
    assert codes(packed + gzip.compress(BODY)) == ["genuine"]
    assert codes(packed + BODY) == ["genuine"]


def test_a_request_without_its_first_line_and_with_folded_lines_is_read() -> None:
    request = raw(signature=f"v1,AAAA\r\n  {RIGHT}").partition(b"\r\n")[2]
    assert codes(request) == ["genuine"]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (b"", "No empty line"),
        (b"hello", "No empty line"),
        (BODY + b"\n\n", "is no header"),
        (b"POST / HTTP/1.1\r\n\r\n{}", "no headers"),
    ],
)
def test_what_is_no_request_is_said_to_be_none(request_: bytes, says: str) -> None:
    with pytest.raises(NoRequest, match=says):
        read_request(request_)


@given(st.binary(max_size=200), st.binary(max_size=60), st.sampled_from([b"\n", b"\r\n"]))
def test_no_request_whatever_is_in_it_breaks_it(body: bytes, junk: bytes, end: bytes) -> None:
    head = raw().partition(b"\r\n\r\n")[0].replace(b"Host: ", b"Host: " + junk)
    for request in (head + end * 2 + body, junk + end * 2 + body):
        try:
            captured = read_request(request)
        except NoRequest:
            continue
        assert not diagnose(captured, [OTHER], now_s=NOW_S, tolerance_s=300).is_genuine


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=60))
def test_no_header_breaks_it(webhook_id: str, timestamp: str, signature: str) -> None:
    lines = [f"webhook-id: {webhook_id}", f"webhook-timestamp: {timestamp}"]
    lines.append(f"webhook-signature: {signature}")
    request = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n\n{}"
    try:
        captured = read_request(request)
    except NoRequest:
        return
    assert not diagnose(captured, ["!", "", OTHER], now_s=0, tolerance_s=300).is_genuine


def test_a_public_key_verifies_what_its_private_key_signed() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = "whpk_" + b64encode(private.public_key().public_bytes_raw()).decode()
    signature = "v1a," + b64encode(private.sign(content())).decode()

    def seen(request: bytes, *secrets: str) -> list[str]:
        captured = read_request(request)
        found = diagnose_any(captured, secrets, now_s=NOW_S, tolerance_s=300)
        return [one.code for one in found.findings]

    assert seen(raw(signature=signature), public) == ["genuine"]
    assert seen(raw(signature=signature), OTHER, public) == ["genuine"]
    assert seen(raw(signature=RIGHT), public, SECRET) == ["genuine"]
    assert seen(raw(signature=signature, body=b"{}"), public) == ["bad_signature"]
    assert seen(raw().replace(b"Webhook-Id", b"Id"), public) == ["missing_header"]


def test_a_large_body_is_examined_in_a_moment() -> None:
    from ringback.clock import SystemClock

    clock = SystemClock()
    large = json.dumps({"a": ["é" * 100] * 1_000}).encode()
    began = clock.monotonic()
    assert codes(raw(body=large, signature=RIGHT)) == ["bad_signature"]
    assert clock.monotonic() - began < 60
