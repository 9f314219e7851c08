"""Reads the head of an answer that the strict parser refuses: a receiver's status still counts.

Old HTTP stacks fold headers, repeat lengths and end lines with a bare LF. For a webhook the status
is the whole message, so it is taken from any head that is recognisable. The length that
such an answer announces is never believed: its connection is not used again.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ringback.egress.headers import Headers, first_headers, has_lines, is_token

_STATUS_LINE = re.compile(rb"HTTP/[0-9](?:\.[0-9])? {1,8}([1-9][0-9]{2})(?=[ \t\r\n])")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_END_BYTES = 4  # the longest end of a head
_LINE_ENDS = (b"\r", b"\n")
_START = b"HTTP/"
INTERIM_ANSWERS_MAX = 8


class OddHead(NamedTuple):
    """The final head of an answer, roughly read."""

    status_code: int
    headers: Headers
    body: bytes  # the bytes that came behind it


class OddReader:
    """Reads a head as its bytes come; each byte is searched once, however small the pieces are."""

    __slots__ = ("_interim_answers", "_raw", "_searched")

    def __init__(self) -> None:
        self._raw = bytearray()
        self._searched = 0
        self._interim_answers = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of the answer."""
        self._raw += data

    @property
    def may_be_http(self) -> bool:
        """Say whether the bytes begin as an HTTP answer does, or may still come to."""
        if self._interim_answers > INTERIM_ANSWERS_MAX:
            return False
        raw = self._raw
        if b"\n" in raw:
            return _STATUS_LINE.match(raw) is not None
        return raw[: len(_START)] == _START[: len(raw)]

    def head(self, *, headers_bytes_max: int) -> OddHead | None:
        """Return the first head that is no interim answer's; None while it is not whole."""
        raw = self._raw
        while self._interim_answers <= INTERIM_ANSWERS_MAX:
            if raw[:1] in _LINE_ENDS:
                del raw[: len(raw) - len(raw.lstrip(b"\r\n"))]
                self._searched = 0
            end = _HEAD_END.search(raw, max(0, self._searched - _END_BYTES))
            self._searched = len(raw)
            status = None if end is None else _STATUS_LINE.match(raw)
            if end is None or status is None:
                return None
            if status[1].startswith(b"1"):
                del raw[: end.end()]
                self._searched = 0
                self._interim_answers += 1
                continue
            lines = bytes(raw[status.end() : end.start()]).split(b"\n")
            headers = first_headers(_headers_of(lines[1:]), headers_bytes_max)
            return OddHead(int(status[1]), headers, bytes(raw[end.end() :]))
        return None


def _headers_of(lines: list[bytes]) -> Headers:
    """Return the headers that can be read; a line that is none is left out."""
    headers: Headers = []
    for text in lines:
        if text[:1] in (b" ", b"\t"):
            if headers:  # RFC 9112, 5.2: a folded line goes on with the value before it
                name, value = headers[-1]
                headers[-1] = (name, value + b" " + text.strip())
            continue
        name, colon, value = text.partition(b":")
        if colon and is_token(name.strip()):
            headers.append((name.strip().lower(), value.strip()))
    return [(name, value) for name, value in headers if has_lines(value, 0)]
