"""The content codings of an answer (RFC 9110, 8.4): those that compress are undone, others ignored.

Every request asks for ``identity``, and yet stores send files that were compressed when they were
uploaded, and tokens that describe no compression at all (``aws-chunked``, ``UTF-8``).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

_GZIP = frozenset({b"gzip", b"x-gzip"})
_DEFLATE = frozenset({b"deflate", b"x-deflate"})
_UNREADABLE = frozenset({b"br", b"zstd", b"compress", b"x-compress", b"dcb", b"dcz", b"exi"})
_CHUNK_BYTES = 1 << 18
_HEADER_BYTES = 2
_GZIP_START = b"\x1f\x8b"
_EITHER_HEADER = 32 + zlib.MAX_WBITS  # gzip or zlib, by the first bytes


class UnreadableCoding(ValueError):
    """An answer is compressed in a way that is not read here, or damaged; the text says how."""


def compressions_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Return the codings that compress, in the order in which they were applied."""
    tokens = (
        token.strip().lower()
        for name, value in headers
        if name == b"content-encoding"
        for token in value.split(b",")
    )
    known = _GZIP | _DEFLATE | _UNREADABLE
    return tuple(token.decode("ascii") for token in tokens if token in known)


def check_readable(compressions: tuple[str, ...]) -> None:
    """Raise ``UnreadableCoding`` unless a ``Decompressor`` undoes these codings."""
    if len(compressions) > 1:
        raise UnreadableCoding(f"it is compressed {len(compressions)} times over")
    if compressions and compressions[0].encode() in _UNREADABLE:
        raise UnreadableCoding(
            f"it is compressed with {compressions[0]}, and only gzip and deflate are read"
        )


class Decompressor:
    """Undoes gzip and deflate chunk by chunk, in pieces of bounded size.

    A body that only claims to be gzip is passed on: gateways decompress an answer and leave its
    header.
    """

    def __init__(self, coding: str = "deflate") -> None:
        self._may_be_plain = coding.encode() in _GZIP
        self._is_plain = False
        self._inflater: zlib._Decompress | None = None
        self._begin = b""  # fewer bytes than tell which of the formats follows

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Yield the next bytes, or raise ``UnreadableCoding``."""
        if self._inflater is None and not self._is_plain:
            data, self._begin = self._begin + data, b""
            if len(data) < _HEADER_BYTES:
                self._begin = data
                return
            window = _window_of(data)
            self._is_plain = self._may_be_plain and window < 0
            self._inflater = None if self._is_plain else zlib.decompressobj(window)
        if self._inflater is None:
            yield data
            return
        is_pending = False
        while data or is_pending:
            if self._inflater.eof:
                if not data.startswith(_GZIP_START):
                    return  # zeros and the like after the end, as some stores pad
                self._inflater = zlib.decompressobj(_EITHER_HEADER)  # the next member (RFC 1952)
            try:
                piece = self._inflater.decompress(data, _CHUNK_BYTES)
            except zlib.error as exc:
                raise UnreadableCoding("its compressed data is damaged") from exc
            if piece:
                yield piece
            is_pending = len(piece) == _CHUNK_BYTES and not self._inflater.eof
            data = self._inflater.unconsumed_tail or self._inflater.unused_data

    def finish(self) -> None:
        """Raise ``UnreadableCoding`` unless the data has come to its end."""
        is_whole = not self._begin if self._inflater is None else self._inflater.eof
        if not is_whole:
            raise UnreadableCoding("its compressed data is cut short")


def _window_of(data: bytes) -> int:
    """Return zlib's number of a format. Some servers send deflate without its zlib header."""
    is_zlib = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0
    return _EITHER_HEADER if is_zlib or data.startswith(_GZIP_START) else -zlib.MAX_WBITS
