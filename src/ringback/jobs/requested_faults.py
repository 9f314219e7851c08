"""The faults of one job and its webhook, as a value and as text.

The text stands in the header ``X-Ringback-Lab`` and is stored with a job: items
``name=value`` separated by semicolons, or ``none``. ``str(faults)`` is its shortest spelling, and
``parse_faults`` reads that back as the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Literal

from msgspec import Struct

from ringback.errors import InvalidFaults
from ringback.jobs.durations import DURATION_MS_MAX, format_duration, parse_duration, shown

TEXT_LENGTH_MAX = 500

_NONE = "none"
_DAY_MS = 86_400_000
_COUNT = re.compile(r"[0-9]{1,4}")
_ERROR_LENGTH_MAX = 200
_RESULT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}|https?://[!-:<-~]{1,300}")  # the items end at ;


class PreparedAnswer(Struct, frozen=True, kw_only=True):
    """A prepared end of jobs as people read it: the jobs that get it, and its files or error."""

    name: str | None  # None: it is for the jobs that meet the conditions
    conditions: tuple[str, ...]
    files: tuple[str, ...]
    error: str | None
    after: str | None


class Faults(Struct, frozen=True, kw_only=True):
    """The faults of one job and its webhook; there are none by default."""

    # The submission.
    answer: Literal[402, 410, 429] | None = None
    # The job.
    job: Literal["fail", "cancel", "empty"] | None = None
    error: str | None = None  # it fails with this sentence
    result: str | None = None  # it completes with a prepared answer, by its name, or with this file
    slow_ms: int = 0
    stuck: Literal["scheduled", "processing", "sampling", "intermediate-complete"] | None = None
    # The time of its webhook.
    delay_ms: int = 0
    hold: int = 0  # attempts that are not made
    reorder: int = 0  # webhooks that are gathered and then sent latest first
    # How often it arrives.
    deliver: Literal["twice", "at-once"] | None = None
    again_ms: int = 0
    # The faults in the webhook itself.
    signature: Literal["bad", "missing"] | None = None
    timestamp: Literal["old", "future"] | None = None
    body: Literal["truncated"] | None = None
    spoil: int = 1  # attempts with these faults

    def __post_init__(self) -> None:
        if self.answer is not None and str(self) != f"answer={self.answer}":
            raise InvalidFaults(
                f"answer={self.answer} must stand alone: no job is made that could have faults."
            )
        ends = [name for name in ("job", "error", "result") if getattr(self, name) is not None]
        if len(ends) > 1:
            raise InvalidFaults(
                f"{' and '.join(ends)} exclude each other: a job ends in one way; name one of them."
            )
        if self.stuck is not None and (ends or self.slow_ms):
            raise InvalidFaults(
                f"stuck={self.stuck} goes with neither {', '.join(ends) or 'job'} nor slow: a job "
                "that is stuck does not end by itself."
            )
        if self.spoil != 1 and not self.spoils:
            raise InvalidFaults(
                f"spoil={self.spoil} says how many attempts are spoiled; say also by what: "
                "signature, timestamp or body."
            )

    @property
    def spoils(self) -> bool:
        """Say whether the webhook itself has a fault."""
        return any((self.signature, self.timestamp, self.body))

    def __str__(self) -> str:
        items = [
            f"{name}={item.show(value)}"
            for name, item in ITEMS.items()
            if (value := getattr(self, item.field)) != getattr(NO_FAULTS, item.field)
        ]
        return "; ".join(items) or _NONE


class Item(Struct, frozen=True):
    """One name of the grammar, the field that it sets and the values that it takes."""

    field: str
    takes: str
    read: Callable[[str], Any]  # returns None for a wrong value
    show: Callable[[Any], str] = str


def parse_faults(text: str) -> Faults:
    """Return the faults that a text names, or raise ``InvalidFaults``."""
    if len(text) > TEXT_LENGTH_MAX:
        raise InvalidFaults(f"The faults are longer than {TEXT_LENGTH_MAX} characters.")
    if text.strip(" \t") == _NONE:
        return NO_FAULTS
    values: dict[str, Any] = {}
    for part in text.split(";"):
        name, value = _item(part)
        item = ITEMS[name]
        if item.field in values:
            raise InvalidFaults(f"{name} is there twice; name every fault once.")
        values[item.field] = _value(name, item, value)
    return Faults(**values)


def _item(part: str) -> tuple[str, str]:
    name, _, value = (piece.strip(" \t") for piece in part.partition("="))
    if not name and not value:
        raise InvalidFaults(
            "A fault is missing; write name=value, separated by semicolons, "
            'like "deliver=twice; delay=5s", or "none".'
        )
    if name not in ITEMS:
        near = get_close_matches(name, ITEMS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {_listed(list(ITEMS), 'and')}."
        raise InvalidFaults(f"There is no fault {shown(name)}; {hint}")
    return name, value


def _value(name: str, item: Item, text: str) -> Any:
    try:
        value = item.read(text)
    except InvalidFaults as exc:
        raise InvalidFaults(f"{name} takes {item.takes}: {exc}") from exc
    if value is None:
        raise InvalidFaults(f"{name} takes {item.takes}, not {shown(text)}.")
    return value


def _choice(field: str, *values: Any) -> Item:
    spellings = {str(value): value for value in values}
    return Item(field, _listed(list(spellings), "or"), spellings.get)


def _count(field: str, *, least: int, most: int) -> Item:
    def read(text: str) -> int | None:
        count = int(text) if _COUNT.fullmatch(text) else -1
        return count if least <= count <= most else None

    return Item(field, f"a number from {least} to {most}", read)


def _duration(field: str, *, most_ms: int = DURATION_MS_MAX) -> Item:
    def read(text: str) -> int | None:
        ms = parse_duration(text)
        return ms if ms <= most_ms else None

    takes = f"a duration of at most {format_duration(most_ms)}"
    return Item(field, takes, read, format_duration)


def _sentence(text: str) -> str | None:
    return text if text.isprintable() and 0 < len(text) <= _ERROR_LENGTH_MAX else None


def _answer(text: str) -> str | None:
    return text if _RESULT.fullmatch(text) else None


def _listed(words: list[str], conjunction: str) -> str:
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


ITEMS: dict[str, Item] = {
    "answer": _choice("answer", 402, 410, 429),
    "job": _choice("job", "fail", "cancel", "empty"),
    "error": Item("error", f"a sentence of at most {_ERROR_LENGTH_MAX} characters", _sentence),
    "result": Item("result", "the name of a prepared answer, or a file's URL", _answer),
    "slow": _duration("slow_ms"),
    "stuck": _choice("stuck", "scheduled", "processing", "sampling", "intermediate-complete"),
    "delay": _duration("delay_ms"),
    "hold": _count("hold", least=1, most=100),
    # A destination gets eight attempts at a time: more could not wait for each other.
    "reorder": _count("reorder", least=2, most=8),
    "deliver": _choice("deliver", "twice", "at-once"),
    "again": _duration("again_ms", most_ms=_DAY_MS),  # the longest Retry-After that is obeyed
    "signature": _choice("signature", "bad", "missing"),
    "timestamp": _choice("timestamp", "old", "future"),
    "body": _choice("body", "truncated"),
    "spoil": _count("spoil", least=1, most=100),
}
"""The grammar: every name, in the order in which ``str`` writes them."""

NO_FAULTS = Faults()
