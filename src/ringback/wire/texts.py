"""Texts that users give as files, as bodies, on standard input or in environment variables.

Some editors and shells put a byte-order mark before a text, which is none of its characters.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping
from pathlib import Path

_QUOTES = ("'", '"')
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def without_mark(content: bytes) -> bytes:
    """Return UTF-8 text without a byte-order mark before it."""
    return content.removeprefix(codecs.BOM_UTF8)


def is_utf_16(content: bytes) -> bool:
    """Return whether a byte-order mark says that the text is UTF-16."""
    return content.startswith(_UTF_16)


def decode_text(content: bytes) -> str:
    """Return the text in UTF-8, or in UTF-16 with a mark; raises ``UnicodeDecodeError``."""
    return content.decode("utf-16") if is_utf_16(content) else without_mark(content).decode()


def read_text_file(path: Path) -> str:
    """Return a file's text; raises ``OSError`` or ``UnicodeDecodeError``."""
    return decode_text(path.read_bytes())


def read_standard_input() -> str:
    """Return the text on standard input; raises ``UnicodeDecodeError``."""
    return decode_text(sys.stdin.buffer.read())


def variable_text(environment: Mapping[str, str], name: str) -> str | None:
    """Return the text of an environment variable, or None where it is unset or blank.

    The line's end, blanks and quotes around the text are none of it: ``docker run --env-file``
    and secrets that were made of files leave them there.
    """
    text = environment.get(name, "").removeprefix("\ufeff").strip()
    quote, inner = text[:1], text[1:-1]
    if quote in _QUOTES and text == f"{quote}{inner}{quote}" and quote not in inner:
        text = inner.strip()
    return text or None
