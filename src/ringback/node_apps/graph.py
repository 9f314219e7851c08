"""The graph of a node app: its inputs, its steps and its outputs, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from msgspec import Struct

from ringback.catalogue.parameter import Parameter

INPUT = "input"
"""The source of references to the app's own inputs; no step may have this name."""

STEPS_MAX = 32


class Reference(Struct, frozen=True):
    """A value known only during a run: an input, or a result of a step."""

    source: str  # INPUT, or a step's name
    member: str  # an input's name; of a step: url or urls
    index: int | None = None  # of one URL among several

    def __str__(self) -> str:
        index = "" if self.index is None else f".{self.index}"
        return f"{self.source}.{self.member}{index}"


class Joined(Struct, frozen=True):
    """A text joined from parts, some of which are known only during a run."""

    parts: tuple[str | Reference, ...]


class ModelStep(Struct, frozen=True, kw_only=True):
    """A step that is a job: a model and its input."""

    name: str
    kind: str
    model: str
    input: dict[str, Any]  # with references and joined texts at any depth


class AssetStep(Struct, frozen=True, kw_only=True):
    """A step that reads an asset of the workspace; it completes at once."""

    name: str
    asset: str | Reference


Step = ModelStep | AssetStep


class Graph(Struct, frozen=True, kw_only=True, dict=True):
    """The inputs, steps and outputs of an app; acyclic."""

    inputs: dict[str, Parameter]
    steps: dict[str, Step]
    outputs: dict[str, Any]

    @cached_property
    def needs(self) -> dict[str, frozenset[str]]:
        """By step: the steps whose results it needs."""
        return {name: needs_of(step) for name, step in self.steps.items()}

    @cached_property
    def jobs(self) -> tuple[ModelStep, ...]:
        """The steps that are jobs, in an order in which each follows those it needs."""
        order = TopologicalSorter(self.needs).static_order()
        found = (self.steps[name] for name in order)
        return tuple(step for step in found if isinstance(step, ModelStep))


def needs_of(step: Step) -> frozenset[str]:
    """Return the names of the steps whose results this one needs."""
    value = step.input if isinstance(step, ModelStep) else step.asset
    return frozenset(one.source for one in references_in(value) if one.source != INPUT)


def references_in(value: Any) -> Iterator[Reference]:
    """Yield every reference in a value, at any depth."""
    match value:
        case Reference():
            yield value
        case Joined(parts=parts):
            yield from (part for part in parts if isinstance(part, Reference))
        case dict():
            for inner in value.values():
                yield from references_in(inner)
        case list():
            for inner in value:
                yield from references_in(inner)
