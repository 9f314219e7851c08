"""The usual mistakes in signing: other bytes, another key, another content. Pure."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from ringback.wire.signature import SECRET_PREFIX, decode_secret

CONTRACT_ORDER = ("job_id", "status", "created_at", "completed_at", "result")


class Variant(NamedTuple):
    """A value that may have been used in signing; the right one has no code."""

    value: bytes
    code: str = ""
    sentence: str = ""


_RESERIALIZED = (
    "The body differs from the signed one: it is JSON that was read and written anew ({how}). "
    "Verify the bytes as they came, before anything parses them."
)


def bodies(body: bytes, *, length: int | None) -> Iterator[Variant]:
    """Yield the captured body, then the bodies that may have been signed."""
    yield Variant(body)
    seen = {body}
    for variant in (*_cut(body, length), *_ends(body), *_encodings(body), *_documents(body)):
        if variant.value not in seen:
            seen.add(variant.value)
            yield variant


def _cut(body: bytes, length: int | None) -> Iterator[Variant]:
    if length is not None and length < len(body):
        yield Variant(
            body[:length],
            "body_longer",
            f"The body has {len(body) - length} bytes more than its content-length says; "
            "the capturing tool added them.",
        )


def _ends(body: bytes) -> Iterator[Variant]:
    newline = "a line break at its end, which an editor or a shell added"
    yield Variant(
        body.rstrip(b"\r\n"), "trailing_newline", f"The body has {newline}; it was signed without."
    )
    gone = "The body was signed with a line break at its end, which is missing here."
    for end in (b"\n", b"\r\n"):
        yield Variant(body + end, "missing_newline", gone)
    changed = "The body's line breaks were changed ({}); verify the bytes as they came."
    unix = body.replace(b"\r\n", b"\n")
    yield Variant(unix, "line_breaks", changed.format("LF became CRLF"))
    yield Variant(unix.replace(b"\n", b"\r\n"), "line_breaks", changed.format("CRLF became LF"))
    yield Variant(
        unix.rstrip(b"\n"), "line_breaks", changed.format("LF became CRLF, and one was added")
    )
    yield Variant(
        body.strip(), "whitespace", "The body has white space around it that was not signed."
    )


def _encodings(body: bytes) -> Iterator[Variant]:
    without_mark = body.removeprefix(b"\xef\xbb\xbf")
    yield Variant(
        without_mark,
        "byte_order_mark",
        "The body begins with a byte order mark that was not signed.",
    )
    twice = "The body was decoded with one character encoding and encoded with another ({})."
    with suppress(UnicodeError):
        yield Variant(body.decode().encode("latin-1"), "encoding", twice.format("read as Latin-1"))
    with suppress(UnicodeError):
        yield Variant(body.decode().encode("cp1252"), "encoding", twice.format("read as cp1252"))
    with suppress(UnicodeError):
        yield Variant(
            body.decode("latin-1").encode(), "encoding", twice.format("written as Latin-1")
        )


def _documents(body: bytes) -> Iterator[Variant]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(document, str):
        yield Variant(
            document.encode("utf-8", "surrogatepass"),
            "encoded_twice",
            "The body is JSON within a JSON string: it was encoded twice.",
        )
    for how, write in _writers():
        for order, ordered in _orders(document):
            text = write(ordered)
            sentence = _RESERIALIZED.format(how=f"it was signed {how}{order}")
            for end in ("", "\n"):
                yield Variant(
                    (text + end).encode("utf-8", "surrogatepass"), "reserialized", sentence
                )


def _writers() -> Iterator[tuple[str, Callable[[object], str]]]:
    for spaces, separators in (("compact", (",", ":")), ("with spaces", (", ", ": "))):
        for letters, ascii_alone in (("", False), (" and in ASCII alone", True)):
            yield (
                f"{spaces}{letters}",
                partial(json.dumps, separators=separators, ensure_ascii=ascii_alone),
            )
    for width in (2, 4):
        yield f"indented by {width}", partial(json.dumps, indent=width, ensure_ascii=False)


def _orders(document: object) -> Iterator[tuple[str, object]]:
    yield "", document
    if isinstance(document, dict):
        yield ", its members sorted", json.loads(json.dumps(document, sort_keys=True))
        if set(document) >= set(CONTRACT_ORDER):
            rest = [name for name in document if name not in CONTRACT_ORDER]
            ordered = {name: document[name] for name in (*CONTRACT_ORDER, *rest)}
            yield ", its members in another order", ordered


def keys(secret: str) -> Iterator[Variant]:
    """Yield the key in a secret, then the values that programs use by mistake."""
    plain = secret.strip()
    with suppress(ValueError):
        yield Variant(decode_secret(plain))
    bare = plain.removeprefix(SECRET_PREFIX)
    text = "The secret's {} was used as the key; the key is the decoded base64 after whsec_."
    yield Variant(plain.encode(), "key_not_decoded", text.format("text"))
    yield Variant(bare.encode(), "key_not_decoded", text.format("base64 text"))
    with suppress(ValueError):
        loose = b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_")
        yield Variant(
            loose, "key_base64url", "The secret is not plain base64: it was read as base64url."
        )
        urlsafe = urlsafe_b64encode(loose)
        yield Variant(urlsafe, "key_not_decoded", text.format("base64url text"))


def contents(webhook_id: str, timestamp: str, body: bytes) -> Iterator[Variant]:
    """Yield the content to sign, then the contents that programs sign by mistake."""
    one, at = webhook_id.encode("latin-1"), timestamp.encode("latin-1")
    yield Variant(b"%b.%b.%b" % (one, at, body))
    sentence = "The signed content is {}; it must be webhook-id, dot, webhook-timestamp, dot, body."
    wrong = "wrong_content"
    yield Variant(body, wrong, sentence.format("the body alone"))
    yield Variant(b"%b.%b" % (at, body), wrong, sentence.format("the timestamp and the body"))
    yield Variant(b"%b.%b" % (one, body), wrong, sentence.format("the webhook-id and the body"))
    yield Variant(b"%b.%b.%b" % (at, one, body), wrong, sentence.format("the timestamp first"))
    yield Variant(one + at + body, wrong, sentence.format("the three without dots"))
    for mark, name in ((b":", "colons"), (b"\n", "line breaks"), (b"|", "bars"), (b",", "commas")):
        yield Variant(mark.join((one, at, body)), wrong, sentence.format(f"the three with {name}"))
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 14:
        yield Variant(
            b"%b.%b000.%b" % (one, at, body),
            "signed_in_milliseconds",
            "The time was signed in milliseconds, but the header has seconds; sign its text.",
        )
        yield Variant(
            b"%b.%d.%b" % (one, int(timestamp) // 1000, body),
            "signed_in_seconds",
            "The time was signed in seconds, but the header has milliseconds; both are seconds.",
        )
