"""Headers of requests and answers: which may be sent, and how many are kept."""

from __future__ import annotations

import re

Headers = list[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The clients send these themselves: a second one would let a server read the request two ways.
_OWN = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"accept-encoding"}
)
_LINE_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])


def is_token(name: bytes) -> bool:
    """Say whether a header may have that name (RFC 9110, 5.1)."""
    return _TOKEN.fullmatch(name) is not None


def may_be_sent(name: bytes) -> bool:
    """Say whether a caller may send a header of that name."""
    return is_token(name) and name.lower() not in _OWN


def has_lines(head: bytes, ends_count: int) -> bool:
    """Say whether a head has so many line ends and no other control character.

    With one line end per header nothing can be smuggled in a value.
    """
    return head.translate(None, _LINE_BYTES) == b"\r\n" * ends_count


def has_length(headers: Headers) -> bool:
    """Say whether the body's end is known without the connection's (RFC 9112, 6.3)."""
    return any(
        name == b"content-length"
        or (name == b"transfer-encoding" and value.lower().endswith(b"chunked"))
        for name, value in headers
    )


def has_odd_coding(headers: Headers) -> bool:
    """Say whether a transfer coding is named that ends no body, like ``identity``."""
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    return bool(codings) and not codings[-1].endswith(b"chunked")


def first_headers(headers: Headers, bytes_max: int) -> Headers:
    """Return as many of the headers, from the first, as have no more bytes than that."""
    kept: Headers = []
    for name, value in headers:
        bytes_max -= len(name) + len(value) + 4
        if bytes_max < 0:
            break
        kept.append((name, value))
    return kept
