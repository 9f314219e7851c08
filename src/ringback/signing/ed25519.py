"""Ed25519 keys and signatures, v1a of Standard Webhooks: receivers need no secret to check them."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from ringback.ids import new_key, new_secret
from ringback.signing.rotation import Kind
from ringback.wire.signature import (
    TOLERANCE_S,
    MessageSigner,
    SignatureMismatch,
    Signer,
    read_headers,
    signed_content,
)

PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
_VERSION = b"v1a,"
_SEED_BYTES = 32
_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64


class KeyPair(Struct, frozen=True, kw_only=True):
    """An Ed25519 key pair in the text forms of Standard Webhooks."""

    private: str
    public: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"


def new_key_pair() -> KeyPair:
    """Return a new key pair: ``whsk_`` and seed with public key, ``whpk_`` and public key."""
    return key_pair_from(new_key())


def key_pair_from(seed: bytes) -> KeyPair:
    """Return the key pair that 32 bytes make."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return KeyPair(
        private=PRIVATE_PREFIX + b64encode(seed + public).decode("ascii"),
        public=PUBLIC_PREFIX + b64encode(public).decode("ascii"),
    )


def public_key_of(private: str) -> str:
    """Return the ``whpk_`` that belongs to a ``whsk_``, or raise ``ValueError``."""
    _, public = _decode_private(private)
    return PUBLIC_PREFIX + b64encode(public).decode("ascii")


def new_signing_secret(kind: Kind) -> tuple[str, str | None]:
    """Return a new secret of a kind, and its public key if it has one."""
    if kind == "v1":
        return new_secret(), None
    pair = new_key_pair()
    return pair.private, pair.public


def signer_for(kind: Kind, secret: str) -> MessageSigner:
    """Return a signer with a secret of that kind."""
    return Signer(secret) if kind == "v1" else Ed25519Signer(secret)


class Ed25519Signer:
    """Signs messages with one private key; a ``MessageSigner``."""

    __slots__ = ("_key",)

    def __init__(self, private: str) -> None:
        self._key, _ = _decode_private(private)

    def __repr__(self) -> str:
        return "Ed25519Signer(…)"

    def sign(self, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        """Return ``v1a,`` and the base64 signature of a message."""
        content = signed_content(webhook_id=webhook_id, timestamp_s=timestamp_s, body=body)
        return (_VERSION + b64encode(self._key.sign(content))).decode("ascii")


def verify_ed25519(
    public_keys: Iterable[str],
    *,
    headers: Mapping[str, str],
    body: bytes,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """Return the webhook-id of a request that one of the key pairs signed within the tolerance.

    Raises ``SignatureMismatch`` for any other request.
    """
    keys = [Ed25519PublicKey.from_public_bytes(_decode_public(public)) for public in public_keys]
    webhook_id, timestamp_s, signatures = read_headers(
        headers, now_s=now_s, tolerance_s=tolerance_s
    )
    content = signed_content(webhook_id=webhook_id, timestamp_s=timestamp_s, body=body)
    candidates = [_decode_signature(signature) for signature in signatures]
    if not any(_is_genuine(key, candidate, content) for key in keys for candidate in candidates):
        raise SignatureMismatch("no signature matches")
    return webhook_id


def jwks(public_keys: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return the JSON Web Key Set of these ``whpk_`` keys, each once and in their order."""
    return {"keys": [_jwk(public) for public in dict.fromkeys(public_keys)]}


def _jwk(public: str) -> dict[str, str]:
    """Return an OKP key of RFC 8037 whose ``kid`` is its thumbprint of RFC 7638."""
    # RFC 7638 hashes these three members, sorted and without spaces.
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(_decode_public(public))}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    kid = _base64url(hashlib.sha256(canonical).digest())
    return required | {"kid": kid, "alg": "EdDSA", "use": "sig"}


def _decode_private(private: str) -> tuple[Ed25519PrivateKey, bytes]:
    raw = _decode(private, PRIVATE_PREFIX, _SEED_BYTES + _PUBLIC_BYTES)
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    public = key.public_key().public_bytes_raw()
    if public != raw[_SEED_BYTES:]:
        raise ValueError("the two halves of this whsk_ key do not belong together")
    return key, public


def _decode_public(public: str) -> bytes:
    return _decode(public, PUBLIC_PREFIX, _PUBLIC_BYTES)


def _decode(text: str, prefix: str, bytes_count: int) -> bytes:
    # The text may be a secret: the exception contains neither it nor a hint at it.
    try:
        raw = a2b_base64(text.removeprefix(prefix).encode("ascii"), strict_mode=True)
    except ValueError:
        raw = b""
    if not text.startswith(prefix) or len(raw) != bytes_count:
        raise ValueError(f"this key is not {prefix} and base64 of {bytes_count} bytes")
    return raw


def _decode_signature(signature: bytes) -> bytes:
    """Return a v1a signature's bytes, or empty bytes for a malformed one."""
    if not signature.startswith(_VERSION):
        return b""
    try:
        return a2b_base64(signature.removeprefix(_VERSION), strict_mode=True)
    except ValueError:
        return b""


def _is_genuine(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    if len(signature) != _SIGNATURE_BYTES:
        return False
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
