"""Replaces references by their values: inputs, and results of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from ringback.node_apps.graph import INPUT, Joined, Reference
from ringback.node_apps.values import values_in

SIZE_MAX = 2 * 1024 * 1024
"""The most bytes that references in one step's input may expand to: a short definition could
repeat a long input a thousand times."""

STEPS_SIZE_MAX = 8 * 1024 * 1024
"""The same for all steps of a run, because each stores its input."""

OUTPUTS_SIZE_MAX = 256 * 1024
"""The same for all outputs of a run, which are in the body of its webhook."""


VALUE_SIZE = 256
"""The cost of each value in a list or an object, beside its bytes: a million empty lists are short
to write and slow to process."""


class _Absent:
    """The type of ``ABSENT``, the value of a missing input."""


ABSENT: Final = _Absent()


class Unresolvable(Exception):
    """A reference cannot be resolved; the message has no final period."""


class MissingResult(Unresolvable):
    """A step has fewer results than a reference needs."""


class TooLarge(Unresolvable):
    """Resolved references exceed the size limit."""


class Resolver:
    """Resolves references with a run's inputs and the result URLs of its steps so far."""

    def __init__(
        self,
        inputs: Mapping[str, Any],
        urls: Mapping[str, Sequence[str]],
        *,
        size_max: int = SIZE_MAX,
    ) -> None:
        self._inputs = inputs
        self._urls = urls
        self._size_max = self._remaining = size_max
        self._sizes: dict[str, int] = {}

    def resolve(self, value: Any) -> Any:
        """Return the value without references; ``ABSENT`` for a missing input.

        An absent member of an object or a list is omitted. Raises ``MissingResult`` or
        ``TooLarge``.
        """
        match value:
            case Reference():
                return self._value_of(value)
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

    def _value_of(self, reference: Reference) -> Any:
        if reference.source == INPUT:
            return self._input(reference.member)
        urls = self._urls[reference.source]
        if reference.member == "urls" and reference.index is None:
            self._count(sum(map(len, urls)))
            return list(urls)
        index = reference.index or 0
        if index >= len(urls):
            raise MissingResult(
                f"{reference} is not there: the step {reference.source} made {len(urls)}"
            )
        self._count(len(urls[index]))
        return urls[index]

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
        # A value with too many parts is not encoded just to be measured.
        return inner if inner > self._size_max else inner + len(msgspec.json.encode(value))

    def _count(self, size: int) -> None:
        self._remaining -= size
        if self._remaining < 0:
            raise TooLarge(
                f"its resolved references have more than {self._size_max} bytes,"
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
                return ""  # absent, or null
