"""Parses fal's webhook signatures: Ed25519, with published keys. Pure.

The signed text has four lines: the request's id, the account's id, the time in seconds, and the
SHA-256 of the body in hexadecimal. The signature is hexadecimal too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from msgspec import Struct

from ringback.wire.signature import TOLERANCE_S, SignatureMismatch

_PREFIX = "x-fal-webhook-"
_TEXT = re.compile(r"[\x21-\x7e]{1,256}")  # a newline would make the signed text ambiguous
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{128}")


class Signed(Struct, frozen=True, kw_only=True):
    """The signed text and its signature; so far only the form and the time are checked."""

    request_id: str
    user_id: str
    content: bytes
    signature: bytes


def read_signed(headers: Mapping[str, str], body: bytes, *, now_s: float) -> Signed:
    """Return the signed parts of a recent request, or raise ``SignatureMismatch``."""
    request_id, user_id, timestamp, signature = (
        headers.get(_PREFIX + name, "")
        for name in ("request-id", "user-id", "timestamp", "signature")
    )
    if not (_TEXT.fullmatch(request_id) and _TEXT.fullmatch(user_id)):
        raise SignatureMismatch("missing or malformed webhook headers")
    if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
        raise SignatureMismatch("missing or malformed webhook headers")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise SignatureMismatch("the webhook's timestamp is too far from now")
    digest = hashlib.sha256(body).hexdigest()
    return Signed(
        request_id=request_id,
        user_id=user_id,
        content="\n".join((request_id, user_id, timestamp, digest)).encode("ascii"),
        signature=bytes.fromhex(signature),
    )
