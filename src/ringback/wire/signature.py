"""Standard Webhooks signatures: made by the server, checked by the receiver.

The signed content is ``{webhook-id}.{webhook-timestamp}.{body}``, so a receiver that checks the
signature and the time knows that the bytes are the sender's, complete and recent. The HMAC-SHA256
of v1 is made here; Ed25519, v1a, takes more than the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

SECRET_PREFIX = "whsec_"
TOLERANCE_S = 300
SIGNATURES_MAX = 32  # in one header; a sender in the midst of a rotation has two

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_BLOCK_BYTES = 64  # of SHA-256
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class SignatureMismatch(ValueError):
    """The request was not signed with any of the secrets, or too long ago; refuse it."""


class MessageSigner(Protocol):
    """Signs messages with one key; the signature's prefix names the kind of key."""

    def sign(self, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        """Return the version, a comma and the base64 signature of a message."""


def signed_content(*, webhook_id: str, timestamp_s: int, body: bytes) -> bytes:
    """Return the bytes that every kind of signature signs."""
    if "." in webhook_id:
        raise ValueError("a webhook-id must not contain a dot: a dot ends it in the signed content")
    return b"%b.%d.%b" % (webhook_id.encode(), timestamp_s, body)


def decode_secret(secret: str) -> bytes:
    """Return the key in a ``whsec_…`` secret, prefixed or not, or raise ``ValueError``.

    Blanks and line ends around it are ignored: a file or a variable often has one.
    """
    try:
        bare = secret.strip().removeprefix(SECRET_PREFIX)
        key = a2b_base64(bare.encode("ascii"), strict_mode=True)
    except ValueError as exc:
        # The secret itself must not reach a log by way of this exception.
        raise ValueError("a webhook secret is whsec_ and base64") from exc
    if not key:
        raise ValueError("a webhook secret must not be empty")
    return key


class Signer:
    """Signs messages with one secret; the hashing of the key is done once, beforehand."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str) -> None:
        key = decode_secret(secret)
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        block = key.ljust(_BLOCK_BYTES, b"\0")
        # HMAC by its definition (RFC 2104): hmac.HMAC.copy() costs more than the hashing saves.
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def __repr__(self) -> str:
        return "Signer(…)"

    def sign(self, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        """Return ``v1,`` and the base64 signature of a message."""
        inner = self._inner.copy()
        inner.update(signed_content(webhook_id=webhook_id, timestamp_s=timestamp_s, body=body))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return "v1," + b2a_base64(outer.digest(), newline=False).decode("ascii")


def sign(secret: str, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """Return ``v1,`` and the base64 signature of a message."""
    return Signer(secret).sign(webhook_id=webhook_id, timestamp_s=timestamp_s, body=body)


def webhook_headers(
    signers: Sequence[MessageSigner], *, webhook_id: str, timestamp_s: int, body: bytes
) -> list[tuple[bytes, bytes]]:
    """Return the three Standard Webhooks headers; one signature per signer, in their order."""
    signatures = [
        signer.sign(webhook_id=webhook_id, timestamp_s=timestamp_s, body=body) for signer in signers
    ]
    joined = " ".join(signatures)
    # Receivers split at each single space, and some reject the request for an empty piece.
    if not signatures or joined.split() != signatures:
        raise ValueError("a webhook needs a signature, and a signature has no spaces")
    return [
        (b"webhook-id", webhook_id.encode()),
        (b"webhook-timestamp", b"%d" % timestamp_s),
        (b"webhook-signature", joined.encode("ascii")),
    ]


class ReceivedHeaders(NamedTuple):
    """The three headers of a request; only their form and the time have been checked."""

    webhook_id: str
    timestamp_s: int
    signatures: list[bytes]


def read_headers(
    headers: Mapping[str, str], *, now_s: float, tolerance_s: float
) -> ReceivedHeaders:
    """Return the three headers of a recent request, or raise ``SignatureMismatch``."""
    named = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id = named["webhook-id"]
        timestamp = named["webhook-timestamp"]
        signatures = [s.encode() for s in named["webhook-signature"].split()]
        webhook_id.encode()
    except (KeyError, UnicodeError) as exc:
        raise SignatureMismatch("missing or malformed webhook headers") from exc
    if not _TIMESTAMP.fullmatch(timestamp) or "." in webhook_id:
        raise SignatureMismatch("missing or malformed webhook headers")
    if len(signatures) > SIGNATURES_MAX:
        raise SignatureMismatch("too many signatures")
    timestamp_s = int(timestamp)
    if abs(now_s - timestamp_s) > tolerance_s:
        raise SignatureMismatch("the webhook-timestamp is too far from now")
    return ReceivedHeaders(webhook_id, timestamp_s, signatures)


def verify(
    secrets: Iterable[str],
    *,
    headers: Mapping[str, str],
    body: bytes,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """Return the webhook-id of a request that one of the secrets signed within the tolerance.

    Raises ``SignatureMismatch`` for any other request.
    """
    webhook_id, timestamp_s, signatures = read_headers(
        headers, now_s=now_s, tolerance_s=tolerance_s
    )
    matches = False
    for secret in secrets:
        expected = sign(secret, webhook_id=webhook_id, timestamp_s=timestamp_s, body=body).encode()
        # Only the encoded forms are compared, so untrusted bytes are never decoded.
        for signature in signatures:
            matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureMismatch("no signature matches")
    return webhook_id
