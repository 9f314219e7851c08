"""Parses a captured request: with CRLF or LF, with a request line or without. Pure."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

_FIRST_LINE = re.compile(rb"[A-Z]{3,10} \S+ HTTP/[0-9.]+|HTTP/[0-9.]+ [0-9]{3}.*")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*")
_BODY_BYTES_MAX = 16 * 2**20


class NoRequest(ValueError):
    """The bytes are no HTTP request; the sentence says why."""


class Captured(NamedTuple):
    """A request: its headers in their order, with names in lower case, and its body."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for known, value in self.headers if known == name]

    def first(self, name: str) -> str | None:
        """Return a header's first value, or None."""
        return next(iter(self.values(name)), None)


def read_request(raw: bytes) -> Captured:
    """Return the request in these bytes, or raise ``NoRequest``."""
    head, body = _parted(raw.removeprefix(b"\xef\xbb\xbf"))
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    if _FIRST_LINE.fullmatch(lines[0]):
        del lines[0]
    headers: list[tuple[str, str]] = []
    for line in filter(None, lines):
        if line[:1] in (b" ", b"\t") and headers:
            name, value = headers.pop()
            headers.append((name, f"{value} {line.strip().decode('latin-1')}"))
            continue
        match = _HEADER.fullmatch(line)
        if match is None:
            raise NoRequest(
                f"{line[:60].decode('latin-1')!r} is no header; give the whole request: "
                "its headers, an empty line, then the body as it came."
            )
        headers.append((match[1].decode().lower(), match[2].decode("latin-1")))
    if not headers:
        raise NoRequest("There are no headers; give the whole request as it was captured.")
    return _unpacked(Captured(tuple(headers), body))


def _parted(raw: bytes) -> tuple[bytes, bytes]:
    """Return the headers and the body, which the first empty line separates."""
    ends = [(at, len(end)) for end in (b"\r\n\r\n", b"\n\n") if (at := raw.find(end)) >= 0]
    if not ends:
        raise NoRequest("No empty line ends the headers; give the request with its body.")
    at, length = min(ends)
    return raw[:at], raw[at + length :]


def _unpacked(request: Captured) -> Captured:
    """Return the request with its body decoded from chunks and compression."""
    body = request.body
    if (request.first("transfer-encoding") or "").lower() == "chunked":
        body = _dechunked(body) or body
    if (request.first("content-encoding") or "").lower() in ("gzip", "deflate"):
        body = _inflated(body)
    return request._replace(body=body)


def _dechunked(body: bytes) -> bytes | None:
    """Return the content of chunks, or None if the capturing tool has joined them already."""
    whole = bytearray()
    while True:
        size, end, rest = body.partition(b"\r\n")
        digits = size.partition(b";")[0].strip()
        if not end or not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", digits):
            return None
        length = int(digits, 16)
        if length == 0:
            return bytes(whole)
        whole += rest[:length]
        body = rest[length:].removeprefix(b"\r\n")


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, as it begins
    try:
        return inflater.decompress(body, _BODY_BYTES_MAX)
    except zlib.error:
        return body  # the capturing tool has decompressed it
