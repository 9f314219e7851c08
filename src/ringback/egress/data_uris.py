"""Data URIs (RFC 2397) as programs write them: wrapped, in either base64 alphabet, unpadded. Pure.

White space has no meaning in base64, and a missing or an escaped ``=`` loses nothing, so they are
taken. Characters of no alphabet are an error, because then bytes are missing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from ringback.egress.answer import Reason
from ringback.errors import FetchError
from ringback.wire.base64_text import decode_base64

_HEAD = re.compile(r"data:(?P<type>[^,]{0,1024}),", re.IGNORECASE)
_BASE64 = re.compile(r";base64$", re.IGNORECASE)


class MalformedDataUri(FetchError):
    """The text is not a data URI, or its base64 is wrong; ``words`` is for its writer."""

    def __init__(self, words: str) -> None:
        super().__init__(Reason.PROTOCOL, words, words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUri:
    """The bytes in a data URI, and their type as it was written; often empty or wrong."""

    media_type: str
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the one spelling that every reader takes: standard base64 without line breaks."""
        return f"data:{self.media_type};base64,{b64encode(self.content).decode('ascii')}"


def is_data_uri(text: str) -> bool:
    """Say whether a text is meant as a data URI."""
    return text[:5].lower() == "data:"


def read_data_uri(text: str, *, bytes_max: int) -> DataUri:
    """Return the bytes of a data URI, or raise ``FetchError``; more than ``bytes_max`` are one."""
    head = _HEAD.match(text)
    if head is None:
        raise MalformedDataUri("it has no comma before its data, as data:image/png;base64,… has")
    media_type = "".join(head["type"].split())
    bare = _BASE64.sub("", media_type)
    encoded = text[head.end() :]
    if bare != media_type and (plain := _plain(encoded, bytes_max)) is not None:
        return DataUri(media_type=bare, content=plain)
    try:
        data = unquote_to_bytes(encoded) if "%" in encoded else encoded.encode()
    except UnicodeEncodeError as exc:
        raise MalformedDataUri("its data is not text") from exc
    if bare != media_type:
        data = _decoded(data, bytes_max)
    elif len(data) > bytes_max:
        raise _too_large(bytes_max)
    return DataUri(media_type=bare, content=data)


def read_base64(text: str, *, bytes_max: int) -> bytes:
    """Return the bytes of a base64 text or of a data URI, or raise ``FetchError``."""
    stripped = text.strip()
    if is_data_uri(stripped):
        return read_data_uri(stripped, bytes_max=bytes_max).content
    try:
        return _decoded(stripped.encode("ascii"), bytes_max)
    except UnicodeEncodeError as exc:
        raise _wrong_base64() from exc


def decode_data_url(url: str, *, bytes_max: int) -> bytes:
    """Return the bytes of a data URI, or raise ``FetchError``."""
    return read_data_uri(url.strip(), bytes_max=bytes_max).content


def _plain(encoded: str, bytes_max: int) -> bytes | None:
    """Return the bytes of base64 by the book, or None; the common case, and without a copy."""
    if len(encoded) // 4 * 3 > bytes_max:
        return None
    try:
        return a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return None


def _decoded(encoded: bytes, bytes_max: int) -> bytes:
    content = decode_base64(encoded)
    if content is None:
        raise _wrong_base64()
    if len(content) > bytes_max:
        raise _too_large(bytes_max)
    return content


def _wrong_base64() -> MalformedDataUri:
    return MalformedDataUri("its data is not base64")


def _too_large(bytes_max: int) -> FetchError:
    return FetchError(Reason.TOO_LARGE, f"more than {bytes_max} bytes in a data URI")
