"""Reads the values of a definition: constants, references, joined texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ringback.errors import FieldError
from ringback.node_apps.graph import INPUT, Joined, Reference

FAULTS_MAX = 20
DEPTH_MAX = 12
PARTS_MAX = 64
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_FROM = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,39})\.([A-Za-z][A-Za-z0-9_]{0,39})(?:\.([0-9]{1,2}))?")
_ECHO_MAX = 80


class FieldErrors:
    """Collects errors up to a limit."""

    def __init__(self, faults: list[FieldError]) -> None:
        self._errors = faults

    @property
    def count(self) -> int:
        """The number of errors so far."""
        return len(self._errors)

    @property
    def is_full(self) -> bool:
        """Return whether the limit is reached."""
        return len(self._errors) >= FAULTS_MAX

    def __call__(self, path: str, message: str) -> None:
        """Add an error, unless the limit is reached."""
        if not self.is_full:
            self._errors.append(FieldError(path, message))


def pointer(parent: str, name: str) -> str:
    """Return the JSON Pointer of a member, with a long name shortened."""
    shown = name if len(name) <= _ECHO_MAX else f"{name[:_ECHO_MAX]}…"
    return f"{parent}/{shown.replace('~', '~0').replace('/', '~1')}"


def values_in(value: Any) -> Iterator[Any]:
    """Yield every value in a list or an object, at any depth."""
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as members:
                inner = list(members.values())
            case list() as inner:
                pass
            case _:
                continue
        yield from inner
        pending += inner


def read_value(value: Any, path: str, report: FieldErrors, *, depth: int = 1) -> Any:
    """Return a value with its references parsed, at every depth."""
    if depth > DEPTH_MAX:
        report(path, f"is nested more than {DEPTH_MAX} levels deep")
        return None
    if isinstance(value, list):
        return [
            read_value(inner, f"{path}/{index}", report, depth=depth + 1)
            for index, inner in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if set(value) == {"from"}:
        return _reference(value["from"], path, report)
    if set(value) == {"join"}:
        return _joined(value["join"], path, report)
    return {
        name: read_value(inner, pointer(path, name), report, depth=depth + 1)
        for name, inner in value.items()
    }


def _reference(text: Any, path: str, report: FieldErrors) -> Reference | None:
    found = _FROM.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        source, member, index = found.groups()
        if source == INPUT and index is None:
            return Reference(source, member)
        if source != INPUT and (member == "urls" or (member == "url" and index is None)):
            return Reference(source, member, None if index is None else int(index))
    report(path, "must come from input.NAME, STEP.url, STEP.urls or STEP.urls.NUMBER")
    return None


def _joined(parts: Any, path: str, report: FieldErrors) -> Joined | None:
    if not isinstance(parts, list) or not 1 <= len(parts) <= PARTS_MAX:
        report(f"{path}/join", f"must be a list of 1 to {PARTS_MAX} parts")
        return None
    read: list[str | Reference] = []
    for index, part in enumerate(parts):
        where = f"{path}/join/{index}"
        if isinstance(part, str):
            read.append(part)
        elif isinstance(part, dict) and set(part) == {"from"}:
            if (reference := _reference(part["from"], where, report)) is not None:
                read.append(reference)
        else:
            report(where, 'must be a string or {"from": "…"}')
    return Joined(tuple(read))
