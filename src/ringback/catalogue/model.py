"""A model of the catalogue as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ringback.catalogue.parameter import Parameter, object_schema
from ringback.catalogue.sunset import Sunset

TRAINING = "style"
"""The kind of the models that styles are trained for; they are asked for by one route together."""


class Alias(Struct, frozen=True, kw_only=True):
    """A field's old name, which is still taken for the new one, and when the public API ends it."""

    old: str
    new: str
    sunset: str | None = None


class Cost(Struct, frozen=True, kw_only=True):
    """What one variant of a model costs: the values that tell variants apart, and the units."""

    variant: tuple[str, ...]
    compute_units: float
    usual_s: float | None = None  # where it differs between the variants


class Retired(Struct, frozen=True, kw_only=True):
    """A model that is gone for good: its route alone is remembered, and why nothing is there."""

    kind: str
    id: str
    sunset: Sunset


# Compared and hashed by identity: a model is looked up for every submission.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """Something that can be asked for: its input, its cost and the engine that serves it."""

    id: str  # "bfl/flux-1-dev", without the kind; two or three segments
    kind: str  # "image"
    type: str  # what GET /jobs?types= filters by: "flux", "externalImage"
    title: str
    description: str
    engine: str
    parameters: dict[str, Parameter]
    aliases: tuple[Alias, ...] = ()
    compute_units: float | None = None  # of the first variant, where there are several
    cost_per: str | None = None  # the number of what, in the input, that the units are for
    cost_by: tuple[str, ...] = ()  # what tells the variants apart; empty where there is one
    cost_from: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the fields that tell
    costs: tuple[Cost, ...] = ()
    sunset: Sunset | None = None  # for a model whose end is known
    usual_s: float | None = None  # from submission to the end, usually

    @property
    def path(self) -> str:
        """The route that the model is asked for on."""
        if self.kind == TRAINING:
            return "/styles/train"
        return f"/generate/{self.kind}/{self.id}"

    @property
    def provider(self) -> str:
        """The first segment of the id."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """The id after the provider."""
        return self.id.partition("/")[2]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of the body; aliases are taken, but not shown."""
        return {"type": "object", **object_schema(self.parameters), "additionalProperties": False}
