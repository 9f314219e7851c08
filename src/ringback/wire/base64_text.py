"""Reads base64 and data URLs as they are sent: either alphabet, lines, missing padding."""

from __future__ import annotations

import re
from base64 import b64decode
from urllib.parse import unquote_to_bytes

_DATA_URL = re.compile(r"\s*(?:data:)?(?P<type>[^,]{0,500}),", re.IGNORECASE)
_MARK = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_BLANKS = b" \t\r\n\f\v"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def is_data_url(text: str) -> bool:
    """Return whether the text is a data URL (RFC 2397)."""
    return text.lstrip()[:5].lower() == "data:"


def decode_data(text: str) -> bytes | None:
    """Return the bytes of a data URL (RFC 2397) or of base64 alone, or None where it is neither."""
    head = _DATA_URL.match(text)
    if head is None:
        return decode_base64(text.encode("ascii", "replace")) or None
    if _MARK.search(head["type"]):
        return decode_base64(unquote_to_bytes(text[head.end() :])) or None
    return unquote_to_bytes(text[head.end() :]) if is_data_url(text) else None


def decode_base64(data: bytes) -> bytes | None:
    """Return the bytes of base64 in either alphabet (RFC 4648), or None where it is none."""
    compact = data.translate(_TO_STANDARD, _BLANKS).rstrip(b"=")
    try:
        return b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except ValueError:
        return None
