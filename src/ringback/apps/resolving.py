"""Puts what is known in the place of references: inputs, and the results of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ringback.apps.graph import INPUT, Joined, Reference

TEXT_LENGTH_MAX = 100_000


class _Absent:
    """What an input is that was left out."""


ABSENT: Final = _Absent()


class NotThere(Exception):
    """A step has fewer results than a reference asks for."""


class Known:
    """The inputs of a run, and the URLs that its steps have made so far."""

    def __init__(self, inputs: Mapping[str, Any], urls: Mapping[str, Sequence[str]]) -> None:
        self._inputs = inputs
        self._urls = urls

    def resolve(self, value: Any) -> Any:
        """Return a value with everything in place; ``ABSENT`` for an input that was left out.

        A member of an object or a list that is absent is left out as well. Raises ``NotThere``.
        """
        match value:
            case Reference():
                return self._referred(value)
            case Joined(parts=parts):
                return "".join(map(self._text, parts))[:TEXT_LENGTH_MAX]
            case dict():
                resolved = {name: self.resolve(inner) for name, inner in value.items()}
                return {name: one for name, one in resolved.items() if one is not ABSENT}
            case list():
                items = (self.resolve(inner) for inner in value)
                return [item for item in items if item is not ABSENT]
            case _:
                return value

    def _referred(self, reference: Reference) -> Any:
        if reference.source == INPUT:
            return self._inputs.get(reference.member, ABSENT)
        urls = self._urls[reference.source]
        if reference.member == "urls" and reference.index is None:
            return list(urls)
        place = reference.index or 0
        if place >= len(urls):
            raise NotThere(
                f"{reference} is not there: the step {reference.source} made {len(urls)}"
            )
        return urls[place]

    def _text(self, part: str | Reference) -> str:
        value = part if isinstance(part, str) else self.resolve(part)
        match value:
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case int() | float():
                return str(value)
            case list():
                return ", ".join(map(str, value))
            case _:
                return ""  # left out, or null
