"""What the headers of an answer say, and how many of them are kept."""

from __future__ import annotations

Headers = list[tuple[bytes, bytes]]


def has_length(headers: Headers) -> bool:
    """Say whether the body's end is known without the connection's (RFC 9112, 6.3)."""
    return any(
        name == b"content-length"
        or (name == b"transfer-encoding" and value.lower().endswith(b"chunked"))
        for name, value in headers
    )


def first_headers(headers: Headers, bytes_max: int) -> Headers:
    """Return as many of the headers, from the first, as have no more bytes than that."""
    kept: Headers = []
    for name, value in headers:
        bytes_max -= len(name) + len(value) + 4
        if bytes_max < 0:
            break
        kept.append((name, value))
    return kept
