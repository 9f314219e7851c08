"""SVG: recognized, never parsed. An SVG can contain scripts, so it is only ever downloaded."""

from __future__ import annotations

import re

from ringback.files.media.content import Content

_START_BYTES = 4_096
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# Each skips at most one declaration, so the work is linear in the bytes that are read.
_BEFORE = re.compile(
    r"\s+|<\?[^>]*\?>|<!--(?:(?!-->).)*-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?\s*>", re.S
)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,40}:)?svg[\s/>]")


def begins(content: Content) -> bool:
    """Return whether the file is XML whose root is an SVG element."""
    start = content[:_START_BYTES]
    encoding = _BYTE_ORDER_MARKS.get(start[:2], "utf-8-sig")
    text = start.decode(encoding, "ignore").removeprefix("\ufeff")
    at = 0
    while (skipped := _BEFORE.match(text, at)) is not None:
        at = skipped.end()
    return _ROOT.match(text, at) is not None
