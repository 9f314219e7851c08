"""HTTP transcripts of attempts: the request, the response, and the steps of its signature. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.egress.url import parse_target
from ringback.egress.webhook_sender import head_of
from ringback.signing.ed25519 import signer_for
from ringback.signing.rotation import SigningKey
from ringback.webhooks.model import Attempt, Delivery
from ringback.wire.signature import signed_content

_HEX_MAX = 2_048


class Signature(Struct, frozen=True, kw_only=True):
    """One signature of a request, and the key that made it."""

    signature: str
    key: SigningKey | None  # None: the key is no longer kept


class SignatureSteps(Struct, frozen=True, kw_only=True):
    """The steps that lead to an attempt's signatures."""

    webhook_id: str
    timestamp: str
    content: str  # {webhook-id}.{webhook-timestamp}.{body}
    signatures: tuple[Signature, ...]


class HttpTranscript(Struct, frozen=True, kw_only=True):
    """The bytes that an attempt sent and received."""

    attempt: Attempt
    request: str
    response: str | None  # None: no response was received
    signature_steps: SignatureSteps | None  # None: the request was not signed


def parse_headers(recorded: str) -> list[tuple[str, str]]:
    """Return recorded headers as pairs of name and value."""
    pairs = [header.partition(": ") for header in recorded.split("\n")]
    return [(name, value) for name, colon, value in pairs if colon]


def transcript_of(
    delivery: Delivery, attempt: Attempt, keys: Sequence[tuple[SigningKey, str]]
) -> HttpTranscript:
    """Return the transcript of an attempt."""
    return HttpTranscript(
        attempt=attempt,
        request=_request(delivery, attempt),
        response=None if attempt.status_code is None else _response(attempt),
        signature_steps=_signature_steps(delivery, attempt, keys),
    )


def _request(delivery: Delivery, attempt: Attempt) -> str:
    head = head_of(parse_target(delivery.url)).replace("\r\n", "\n")
    length = len(delivery.body)
    return f"{head}\n{attempt.request_headers}\ncontent-length: {length}\n\n{shown(delivery.body)}"


def _response(attempt: Attempt) -> str:
    headers = f"{attempt.response_headers}\n" if attempt.response_headers else ""
    return f"HTTP/1.1 {attempt.status_code}\n{headers}\n{shown(attempt.response)}"


def shown(body: bytes) -> str:
    """Return a body for display: as text, or as hexadecimal digits if it is not UTF-8."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body[:_HEX_MAX].hex(" ", 2)
    return "".join(
        char if char in "\n\t" or char.isprintable() else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if char != "\r" else ""


def _signature_steps(
    delivery: Delivery, attempt: Attempt, keys: Sequence[tuple[SigningKey, str]]
) -> SignatureSteps | None:
    headers = {name.lower(): value for name, value in parse_headers(attempt.request_headers)}
    timestamp, webhook_id = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not timestamp.isdecimal() or "." in webhook_id or "webhook-signature" not in headers:
        return None
    message = {"webhook_id": webhook_id, "timestamp_s": int(timestamp), "body": delivery.body}
    made = {
        signer_for(key.kind, secret).sign(**message): key  # type: ignore[arg-type]
        for key, secret in keys
    }
    return SignatureSteps(
        webhook_id=webhook_id,
        timestamp=timestamp,
        content=shown(signed_content(**message)),  # type: ignore[arg-type]
        signatures=tuple(
            Signature(signature=signature, key=made.get(signature))
            for signature in headers["webhook-signature"].split()
        ),
    )
