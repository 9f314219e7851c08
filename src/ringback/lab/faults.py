"""What can be made to go wrong with one job and its webhook, as a value and as a line of text.

The text is what the header ``X-Ringback-Lab`` carries and what is stored with a job: items
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
from ringback.lab.durations import DURATION_MS_MAX, format_duration, parse_duration, shown

TEXT_LENGTH_MAX = 500

_NONE = "none"
_DAY_MS = 86_400_000
_COUNT = re.compile(r"[0-9]{1,4}")


class Faults(Struct, frozen=True, kw_only=True):
    """What goes wrong with one job and its webhook; nothing does by default."""

    # The submission.
    answer: Literal[402, 410, 429] | None = None
    # The job.
    job: Literal["fail", "cancel", "empty"] | None = None
    slow_ms: int = 0
    stuck: Literal["scheduled", "processing", "sampling", "intermediate-complete"] | None = None
    # When its webhook comes.
    delay_ms: int = 0
    hold: int = 0  # attempts that are not made
    reorder: int = 0  # webhooks that are gathered and then sent latest first
    # How often it comes.
    deliver: Literal["twice", "at-once"] | None = None
    again_ms: int = 0
    # What is wrong with it.
    signature: Literal["bad", "missing"] | None = None
    timestamp: Literal["old", "future"] | None = None
    body: Literal["truncated"] | None = None
    spoil: int = 1  # attempts that are spoiled like that

    def __post_init__(self) -> None:
        if self.answer is not None and str(self) != f"answer={self.answer}":
            raise InvalidFaults(
                f"answer={self.answer} must stand alone: no job is made that could have faults."
            )
        if self.stuck is not None and (self.job is not None or self.slow_ms):
            raise InvalidFaults(
                f"stuck={self.stuck} goes with neither job nor slow: a job that is stuck "
                "does not end by itself."
            )
        if self.spoil != 1 and not self.spoils:
            raise InvalidFaults(
                f"spoil={self.spoil} says how many attempts are spoiled; say also by what: "
                "signature, timestamp or body."
            )

    @property
    def spoils(self) -> bool:
        """Say whether something is wrong with the webhook itself."""
        return any((self.signature, self.timestamp, self.body))

    def __str__(self) -> str:
        items = [
            f"{name}={item.show(value)}"
            for name, item in ITEMS.items()
            if (value := getattr(self, item.field)) != getattr(NO_FAULTS, item.field)
        ]
        return "; ".join(items) or _NONE


class Item(Struct, frozen=True):
    """One name of the grammar: the field it sets, and which values it takes."""

    field: str
    takes: str
    read: Callable[[str], Any]  # None: not one of them
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


def _listed(words: list[str], conjunction: str) -> str:
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


ITEMS: dict[str, Item] = {
    "answer": _choice("answer", 402, 410, 429),
    "job": _choice("job", "fail", "cancel", "empty"),
    "slow": _duration("slow_ms"),
    "stuck": _choice("stuck", "scheduled", "processing", "sampling", "intermediate-complete"),
    "delay": _duration("delay_ms"),
    "hold": _count("hold", least=1, most=100),
    # A destination is sent eight at a time: more could not wait for each other.
    "reorder": _count("reorder", least=2, most=8),
    "deliver": _choice("deliver", "twice", "at-once"),
    "again": _duration("again_ms", most_ms=_DAY_MS),  # the longest wait that an answer can ask for
    "signature": _choice("signature", "bad", "missing"),
    "timestamp": _choice("timestamp", "old", "future"),
    "body": _choice("body", "truncated"),
    "spoil": _count("spoil", least=1, most=100),
}
"""The grammar: every name, in the order in which ``str`` writes them."""

NO_FAULTS = Faults()
