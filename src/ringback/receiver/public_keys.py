"""The sender's public keys: Ed25519, the kind ``v1a``, from a ``whpk_`` or a JWKS."""

from __future__ import annotations

import threading
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ringback.receiver.errors import ReceiverMisuse
from ringback.wire.signature import signed_content

PREFIX = "whpk_"
_VERSION = "v1a,"
_KEYS_MAX = 64
_BYTES_MAX = 262_144
_TIMEOUT_S = 5.0
_AGAIN_S = 60.0


class Ed25519Key:
    """One Ed25519 public key."""

    __slots__ = ("_key",)

    def __init__(self, public: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ModuleNotFoundError as exc:
            raise ReceiverMisuse(
                "Published keys are Ed25519; install the extra: pip install 'ringback[jwks]'."
            ) from exc
        self._key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def from_text(cls, text: str) -> Ed25519Key:
        """Return the key that a ``whpk_…`` spells; raises ``ReceiverMisuse``."""
        try:
            return cls(b64decode(text.removeprefix(PREFIX), validate=True))
        except ValueError as exc:
            raise ReceiverMisuse("A public key is whpk_ and base64 of 32 bytes.") from exc

    def verifies(
        self, signatures: Sequence[str], *, webhook_id: str, at_s: int, body: bytes
    ) -> bool:
        """Say whether one of the signatures is right."""
        content = signed_content(webhook_id=webhook_id, timestamp_s=at_s, body=body)
        for signature in signatures:
            if not signature.startswith(_VERSION):
                continue
            try:
                raw = b64decode(signature[len(_VERSION) :], validate=True)
            except ValueError:
                continue
            if self.has_signed(content, raw):
                return True
        return False

    def has_signed(self, content: bytes, signature: bytes) -> bool:
        """Say whether the signature of these bytes is this key's."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True


class PublishedKeys:
    """The keys at a URL, fetched on first use and again when a signature matches none of them.

    They are fetched at most once a minute, however many requests with wrong signatures arrive.
    """

    def __init__(
        self,
        url: str,
        *,
        monotonic: Callable[[], float],
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        if not url.startswith(("https://", "http://")):
            raise ReceiverMisuse(f"{url!r} is no URL of published keys; it begins with https://.")
        self._url = url
        self._monotonic = monotonic
        self._fetch = fetch or _read_url
        self._keys: list[Ed25519Key] = []
        self._fetched_at: float | None = None
        self._lock = threading.Lock()

    def verifies(
        self, signatures: Sequence[str], *, webhook_id: str, at_s: int, body: bytes
    ) -> bool:
        """Say whether one of the signatures is right by a key that is published now."""
        if not any(signature.startswith(_VERSION) for signature in signatures):
            return False

        def is_right() -> bool:
            return any(
                key.verifies(signatures, webhook_id=webhook_id, at_s=at_s, body=body)
                for key in self._keys
            )

        return is_right() or (self._refresh() and is_right())

    def _refresh(self) -> bool:
        with self._lock:
            now = self._monotonic()
            if self._fetched_at is not None and now - self._fetched_at < _AGAIN_S:
                return False
            self._fetched_at = now
            try:
                self._keys = keys_in(self._fetch(self._url))
            except (OSError, ValueError):
                return False
            return True


def keys_in(document: bytes) -> list[Ed25519Key]:
    """Return the Ed25519 keys of a JSON Web Key Set (RFC 8037), or raise ``ValueError``."""
    key_set: Any = msgspec.json.decode(document)
    if not isinstance(key_set, dict) or not isinstance(key_set.get("keys"), list):
        raise ValueError("not a JSON Web Key Set")  # noqa: TRY004 - one error for a bad set
    return [
        Ed25519Key(urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4)))
        for key in key_set["keys"][:_KEYS_MAX]
        if isinstance(key, dict)
        and (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
        and isinstance(key.get("x"), str)
    ]


def _read_url(url: str) -> bytes:
    """Return the body at a URL, or raise ``OSError``."""
    import httpx2

    body = bytearray()
    try:
        with httpx2.stream("GET", url, timeout=_TIMEOUT_S) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _BYTES_MAX:
                    raise OSError("the published keys are too long")
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise OSError(str(exc)) from exc
    return bytes(body)
