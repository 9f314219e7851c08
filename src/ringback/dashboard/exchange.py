"""What went over the wire: an attempt's request, its answer, how it was signed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.egress.sender import head_of
from ringback.egress.url import parse_target
from ringback.webhooks.keys import signer_for
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.rotation import SigningKey
from ringback.wire.signature import signed_content

_HEX_MAX = 2_048


class Signed(Struct, frozen=True, kw_only=True):
    """One signature of a request, and the key that made it."""

    signature: str
    key: SigningKey | None  # None: one that is not kept any more, or nobody's


class Explained(Struct, frozen=True, kw_only=True):
    """What was signed, step by step."""

    webhook_id: str
    timestamp: str
    content: str  # {webhook-id}.{webhook-timestamp}.{body}
    signatures: tuple[Signed, ...]


class Exchange(Struct, frozen=True, kw_only=True):
    """One attempt as bytes."""

    attempt: Attempt
    request: str
    answer: str | None  # None: none came
    explained: Explained | None  # None: the request was not signed


def headers_in(lines: str) -> list[tuple[str, str]]:
    """Return kept headers, one pair each."""
    pairs = [line.partition(": ") for line in lines.split("\n")]
    return [(name, value) for name, colon, value in pairs if colon]


def exchange_of(
    delivery: Delivery, attempt: Attempt, keys: Sequence[tuple[SigningKey, str]]
) -> Exchange:
    """Return what an attempt sent and got."""
    return Exchange(
        attempt=attempt,
        request=_request(delivery, attempt),
        answer=None if attempt.status_code is None else _answer(attempt),
        explained=_explained(delivery, attempt, keys),
    )


def _request(delivery: Delivery, attempt: Attempt) -> str:
    head = head_of(parse_target(delivery.url)).replace("\r\n", "\n")
    length = len(delivery.body)
    return f"{head}\n{attempt.request_headers}\ncontent-length: {length}\n\n{shown(delivery.body)}"


def _answer(attempt: Attempt) -> str:
    headers = f"{attempt.response_headers}\n" if attempt.response_headers else ""
    return f"HTTP/1.1 {attempt.status_code}\n{headers}\n{shown(attempt.response)}"


def shown(body: bytes) -> str:
    """Return bytes as text where they are text, and as hexadecimal digits where they are not."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body[:_HEX_MAX].hex(" ", 2)
    return "".join(
        char if char in "\n\t" or char.isprintable() else _spelled(char) for char in text
    )


def _spelled(char: str) -> str:
    return f"\\u{ord(char):04x}" if char != "\r" else ""


def _explained(
    delivery: Delivery, attempt: Attempt, keys: Sequence[tuple[SigningKey, str]]
) -> Explained | None:
    headers = {name.lower(): value for name, value in headers_in(attempt.request_headers)}
    timestamp, webhook_id = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not timestamp.isdecimal() or "." in webhook_id or "webhook-signature" not in headers:
        return None
    message = {"webhook_id": webhook_id, "timestamp_s": int(timestamp), "body": delivery.body}
    made = {
        signer_for(key.kind, secret).sign(**message): key  # type: ignore[arg-type]
        for key, secret in keys
    }
    return Explained(
        webhook_id=webhook_id,
        timestamp=timestamp,
        content=shown(signed_content(**message)),  # type: ignore[arg-type]
        signatures=tuple(
            Signed(signature=signature, key=made.get(signature))
            for signature in headers["webhook-signature"].split()
        ),
    )
