"""Puts what is known in the place of references: inputs, and the results of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from ringback.apps.graph import INPUT, Joined, Reference
from ringback.apps.values import values_in

SIZE_MAX = 2 * 1024 * 1024
"""How much may be put in the place of references in one step's input: a short definition could
name a long input a thousand times."""

STEPS_SIZE_MAX = 8 * 1024 * 1024
"""The same of all steps of a run: each keeps its input, and the disk is everybody's."""

OUTPUTS_SIZE_MAX = 256 * 1024
"""The same of all outputs of a run: they are in the body of its webhook."""


VALUE_SIZE = 256
"""What each value in a list or an object counts for, beside its bytes: a million empty lists are
short to write and long to go through."""


class _Absent:
    """What an input is that was left out."""


ABSENT: Final = _Absent()


class Unresolvable(Exception):
    """Something cannot be put in the place of its references; in a sentence without its end."""


class NotThere(Unresolvable):
    """A step has fewer results than a reference asks for."""


class TooLarge(Unresolvable):
    """More would be put in place than may be."""


class Known:
    """The inputs of a run, and the URLs that its steps have made so far."""

    def __init__(
        self,
        inputs: Mapping[str, Any],
        urls: Mapping[str, Sequence[str]],
        *,
        size_max: int = SIZE_MAX,
    ) -> None:
        self._inputs = inputs
        self._urls = urls
        self._size_max = self._left = size_max
        self._sizes: dict[str, int] = {}

    def resolve(self, value: Any) -> Any:
        """Return a value with everything in place; ``ABSENT`` for an input that was left out.

        A member of an object or a list that is absent is left out as well. Raises ``NotThere``
        or ``TooLarge``.
        """
        match value:
            case Reference():
                return self._referred(value)
            case Joined(parts=parts):
                return "".join(map(self._text, parts))
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
            return self._input(reference.member)
        urls = self._urls[reference.source]
        if reference.member == "urls" and reference.index is None:
            self._count(sum(map(len, urls)))
            return list(urls)
        place = reference.index or 0
        if place >= len(urls):
            raise NotThere(
                f"{reference} is not there: the step {reference.source} made {len(urls)}"
            )
        self._count(len(urls[place]))
        return urls[place]

    def _input(self, name: str) -> Any:
        value = self._inputs.get(name, ABSENT)
        if value is not ABSENT:
            if name not in self._sizes:
                self._sizes[name] = self._size_of(value)
            self._count(self._sizes[name])
        return value

    def _size_of(self, value: Any) -> int:
        values_max = self._size_max // VALUE_SIZE
        inner = sum(1 for _ in islice(values_in(value), values_max + 1)) * VALUE_SIZE
        # What has too many values is not written out to be measured as well.
        return inner if inner > self._size_max else inner + len(msgspec.json.encode(value))

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge(
                f"what is put in its references is more than {self._size_max} bytes,"
                f" with {VALUE_SIZE} for each value in a list or an object"
            )

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
