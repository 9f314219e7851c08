"""Renders an event as a line: JSON, or text without control characters for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from structlog.typing import EventDict

TEXT_CHARACTERS_MAX = 8_192
"""The longest text of an event; the middle of a longer one is cut out."""
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_BREAKS_AND_DIRECTIONS = (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {number: f"\\x{number:02x}" for number in _CONTROLS}
_ESCAPES |= {number: f"\\u{number:04x}" for number in _BREAKS_AND_DIRECTIONS}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_ESCAPES_BUT_LINES = {number: text for number, text in _ESCAPES.items() if chr(number) != "\n"}


def shorten_long_texts(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep the beginning and the end of texts that are too long for a line."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_CHARACTERS_MAX:
            half = TEXT_CHARACTERS_MAX // 2
            left_out = len(value) - 2 * half
            event[name] = f"{value[:half]} ({left_out} characters left out) {value[-half:]}"
    return event


def to_json(_logger: Any, _method: str, event: EventDict) -> str:
    """Return the event as one line of JSON in ASCII; values that JSON lacks become their repr."""
    try:
        line = json.dumps(event, default=repr, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        # A number that JSON lacks, a key that is no text, or a value that contains itself.
        line = json.dumps({str(name): _plain(value) for name, value in event.items()})
    return line.replace("\x7f", "\\u007f")  # the one control character that JSON leaves bare


def _plain(value: object) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else repr(value)


def escape_text(*, keeps_tracebacks: bool) -> Callable[[Any, str, EventDict], EventDict]:
    """Return a processor that escapes an event's texts; terminals keep tracebacks as lines."""

    def escape(_logger: Any, _method: str, event: EventDict) -> EventDict:
        escaped = {
            name: value.translate(_ESCAPES) if isinstance(value, str) else value
            for name, value in event.items()
            if name != "exception"
        }
        if (exception := event.get("exception")) is not None:
            if keeps_tracebacks:  # the renderer puts them below the line
                escaped["exception"] = str(exception).translate(_ESCAPES_BUT_LINES)
            else:
                escaped["traceback"] = str(exception).translate(_ESCAPES)
        return escaped

    return escape
