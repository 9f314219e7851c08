"""Decides whether a request is a genuine webhook. Pure; any input is accepted or refused.

The order of the checks is that of Standard Webhooks: form, time, then signature. No header is
trusted before the signature has matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hmac import compare_digest
from typing import Any, Protocol

from msgspec import Struct

from ringback.receiver.errors import BadSignature, Malformed, MissingHeader, TooNew, TooOld
from ringback.wire.signature import SIGNATURES_MAX, Signer

Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""Names and values, as text or bytes, in any case; a value may be a list."""

_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
_UNSIGNED = ("ringback-event", "ringback-attempt")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
# A dot is refused, because the signed content separates the id from the time with one.
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")


class Key(Protocol):
    """A key that verifies signatures: a shared secret, a public key or a published set."""

    def verifies(
        self, signatures: Sequence[str], *, webhook_id: str, at_s: int, body: bytes
    ) -> bool:
        """Say whether one of the signatures is right."""


class Signed(Struct, frozen=True, kw_only=True):
    """The headers of a genuine request; event and attempt are not part of the signature."""

    webhook_id: str
    timestamp_s: int
    event: str | None
    attempt: int


class HmacKey:
    """A shared secret; the kind ``v1``."""

    __slots__ = ("_signer",)

    def __init__(self, secret: str) -> None:
        self._signer = Signer(secret)

    def __repr__(self) -> str:
        return "HmacKey(…)"

    def verifies(
        self, signatures: Sequence[str], *, webhook_id: str, at_s: int, body: bytes
    ) -> bool:
        """Say whether one of the signatures is right, by a comparison in constant time."""
        expected = self._signer.sign(webhook_id=webhook_id, timestamp_s=at_s, body=body).encode()
        is_right = False
        for signature in signatures:
            is_right |= compare_digest(expected, signature.encode())
        return is_right


def verify(
    keys: Sequence[Key], headers: Headers, body: bytes, *, now_s: float, tolerance_s: float
) -> Signed:
    """Return the headers of a request that one of the keys signed within the tolerance.

    Raises a ``WebhookVerificationError`` for any other request.
    """
    named = _read(headers)
    missing = [name for name in _NAMES if name not in named]
    if missing:
        raise MissingHeader(f"The header {missing[0]} is missing: this is no webhook.")
    webhook_id, timestamp, signature = (named[name] for name in _NAMES)
    if not _ID.fullmatch(webhook_id):
        raise Malformed("The header webhook-id is not 1 to 256 visible characters without a dot.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Malformed("The header webhook-timestamp is not a number of seconds since 1970.")
    signatures = signature.split()
    if not 0 < len(signatures) <= SIGNATURES_MAX or not signature.isascii():
        raise Malformed(f"The header webhook-signature has not 1 to {SIGNATURES_MAX} signatures.")
    at_s = int(timestamp)
    if at_s < now_s - tolerance_s:
        raise TooOld(f"It was signed {now_s - at_s:.0f} s ago; {tolerance_s:g} are allowed.")
    if at_s > now_s + tolerance_s:
        raise TooNew(f"It was signed {at_s - now_s:.0f} s ahead of this machine's clock.")
    is_right = False
    for key in keys:
        is_right |= key.verifies(signatures, webhook_id=webhook_id, at_s=at_s, body=body)
    if not is_right:
        raise BadSignature("No signature is right: another secret, or other bytes were signed.")
    attempt = named.get("ringback-attempt", "")
    return Signed(
        webhook_id=webhook_id,
        timestamp_s=at_s,
        event=named.get("ringback-event"),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 7 else 1,
    )


def _read(headers: Headers) -> dict[str, str]:
    """Return the headers that matter; raises ``Malformed`` for two that contradict each other."""
    found: dict[str, str] = {}
    try:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        for raw_name, raw_value in pairs:
            name = _text(raw_name).lower()
            if name not in _NAMES and name not in _UNSIGNED:
                continue
            values = raw_value if isinstance(raw_value, list | tuple) else (raw_value,)
            for value in map(_text, values):
                if found.setdefault(name, value.strip()) != value.strip():
                    raise Malformed(f"The header {name} is there twice, with two values.")
    except (TypeError, ValueError, UnicodeError) as exc:
        raise Malformed("The headers are not names and values.") from exc
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("latin-1")
    if isinstance(value, str):
        return value
    raise TypeError("a header is text or bytes")
