"""The transfer encodings of mail (RFC 2045, section 6), in which some programs send form parts.

RFC 7578 advises against them, but libraries for mail, which also make forms, use them.
"""

from __future__ import annotations

import binascii
from abc import ABC, abstractmethod

from python_multipart.decoders import QuotedPrintableDecoder

_BLANKS = b" \t\r\n"
_QUANTUM = 4  # characters of base64 that make three bytes


class PartDecoder(ABC):
    """Decodes one part as its bytes come; raises ``ValueError`` for bytes that are none."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Return the decoded bytes that are complete."""

    def finish(self) -> bytes:
        """Return the rest, or raise ``ValueError`` for a part that is cut."""
        return b""


class PlainPart(PartDecoder):
    """A part that is as it came."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes."""
        return data


class Base64Part(PartDecoder):
    """A part in base64, in lines of any length."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_padded = False  # the end has come

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of all characters that make whole ones."""
        compact = self._rest + data.translate(None, _BLANKS)
        if compact and self._is_padded:
            raise ValueError("more base64 came after its end")
        whole = len(compact) - len(compact) % _QUANTUM
        self._rest = compact[whole:]
        self._is_padded = self._is_padded or compact[:whole].endswith(b"=")
        return binascii.a2b_base64(compact[:whole], strict_mode=True)

    def finish(self) -> bytes:
        """Return the bytes of the last characters, whose padding may be missing."""
        padding = b"=" * (-len(self._rest) % _QUANTUM)
        return binascii.a2b_base64(self._rest + padding, strict_mode=True)


class QuotedPart(PartDecoder):
    """A part in quoted-printable."""

    def __init__(self) -> None:
        self._decoded = bytearray()
        self._decoder = QuotedPrintableDecoder(self)

    def write(self, data: bytes) -> None:
        """Take decoded bytes from the library."""
        self._decoded += data

    def feed(self, data: bytes) -> bytes:
        """Return the bytes, but not of an escape that has not come whole."""
        self._decoder.write(data)
        return self._taken()

    def finish(self) -> bytes:
        """Return the bytes of a last escape."""
        self._decoder.finalize()
        return self._taken()

    def _taken(self) -> bytes:
        decoded, self._decoded = bytes(self._decoded), bytearray()
        return decoded


def decoder_of(encoding: bytes) -> PartDecoder:
    """Return the decoder of a ``Content-Transfer-Encoding``; an unknown one changes nothing."""
    match encoding.strip().lower():
        case b"base64":
            return Base64Part()
        case b"quoted-printable":
            return QuotedPart()
        case _:
            return PlainPart()
