"""Answers and failures of requests, as frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from msgspec import Struct

_WHOLE = frozenset({HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION})
_WHOLE_RANGE = re.compile(rb"bytes 0-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)


class Reason(StrEnum):
    """Why an attempt is not a success; stable, so that people can search for them."""

    DNS = "dns"  # the name has no address, or none within the DNS time limit
    BLOCKED_TARGET = "blocked_target"  # the policy refuses the URL or one of its addresses
    CONNECT = "connect"  # no address took the connection
    TLS = "tls"  # no handshake, or a certificate that is not the host's
    TIMEOUT = "timeout"  # the attempt's one total deadline passed
    PROTOCOL = "protocol"  # the answer is not whole, or not HTTP
    STATUS = "status"  # a whole answer that is neither 2xx nor 3xx
    REDIRECT = "redirect"  # a 3xx, which is never followed
    TOO_LARGE = "too_large"  # more bytes than the fetch was allowed; never for webhooks
    LAB = "lab"  # a developer's fault script made it fail; in the emulator alone


def verdict(status_code: int) -> Reason | None:
    """Return why a whole answer of that status is no success; None for a 2xx."""
    if 200 <= status_code < 300:
        return None
    return Reason.REDIRECT if 300 <= status_code < 400 else Reason.STATUS


def has_whole_file(status_code: int | None, content_range: bytes | None) -> bool:
    """Return whether an answer of that status has the file, also as a range of all its bytes.

    Nobody asked for a range, but some stores and proxies answer so.
    """
    if status_code != HTTPStatus.PARTIAL_CONTENT:
        return status_code in _WHOLE
    span = _WHOLE_RANGE.fullmatch(content_range or b"")
    return span is not None and int(span[1]) + 1 == int(span[2])


class Failure(NamedTuple):
    """Why a request got no whole answer."""

    reason: Reason
    detail: str  # for the operator's log; never for a client


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an answer is read, and how much of that is kept."""

    head_bytes_max: int = 65_536
    headers_kept_bytes_max: int = 8_192
    body_bytes_max: int = 65_536
    body_kept_bytes_max: int = 16_384
    raw_bytes_max: int = 65_536  # all of it: interim answers, head, chunk headers and trailers too


class Timings(Struct, frozen=True, kw_only=True, gc=False):
    """Where an attempt's time went, in milliseconds; None for a step that did not happen."""

    total_ms: float
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None  # from the request's writing to the answer's first byte


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """A receiver's answer, or why there is none; ``reason`` is None for a whole 2xx alone."""

    status_code: int | None = None
    reason: Reason | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()  # names in lower case; the first 8 KiB
    body: bytes = b""  # the first 16 KiB, as they came
    truncated: bool = False  # the answer was longer than was read
    address: str | None = None  # the IP address that was dialled
    detail: str = ""  # for the operator's log; never for a client
    words: str | None = None  # why there is no whole answer, for the workspace
    reused: bool = False  # an open connection carried it
    timings: Timings

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, named in lower case."""
        return next((value for key, value in self.headers if key == name), None)
