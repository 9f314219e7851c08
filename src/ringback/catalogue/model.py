"""A model of the catalogue as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date as Day
from typing import Any

from msgspec import Struct

from ringback.catalogue.days import DESCRIPTIONS
from ringback.catalogue.parameter import Parameter, object_schema
from ringback.catalogue.sunset import Sunset

TRAINING = "style"
"""The kind of the models for which styles are trained; one route serves them all."""
EXPORT = "export"
"""The kind of exports into another format; their routes are not those of /generate."""


class Alias(Struct, frozen=True, kw_only=True):
    """A deprecated name of a field, still accepted, and the date when the public API ends it."""

    old: str
    new: str
    sunset: str | None = None
    since: Day = DESCRIPTIONS[0].day
    """The day since which the name is deprecated; the first known one where none is stated."""


class Cost(Struct, frozen=True, kw_only=True):
    """The cost of one variant of a model: the values that identify it, and the units."""

    variant: tuple[str, ...]
    compute_units: float
    usual_s: float | None = None  # where it differs between the variants


class Retired(Struct, frozen=True, kw_only=True):
    """A retired model: its route remains and says why and when it ended."""

    kind: str
    id: str
    sunset: Sunset


# Compared and hashed by identity: a model is looked up for every submission.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """One model: its input, its cost and its engine."""

    id: str  # "bfl/flux-1-dev", without the kind; two or three segments
    kind: str  # "image"
    type: str  # the filter of GET /jobs?types=: "flux", "externalImage"
    title: str
    description: str
    engine: str
    parameters: dict[str, Parameter]
    aliases: tuple[Alias, ...] = ()
    compute_units: float | None = None  # of the first variant, where there are several
    cost_per: str | None = None  # the field by which the units are multiplied
    cost_by: tuple[str, ...] = ()  # the columns that identify a variant; empty with one variant
    cost_from: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # by column: the fields that decide
    costs: tuple[Cost, ...] = ()
    sunset: Sunset | None = None  # of a model with a planned end
    usual_s: float | None = None  # the usual time from submission to the end

    @property
    def path(self) -> str:
        """The route of the model."""
        if self.kind == TRAINING:
            return "/styles/train"
        if self.kind == EXPORT:
            return f"/{self.id}"
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
        """The JSON Schema (draft 2020-12) of the body; aliases are accepted, but not shown."""
        return {"type": "object", **object_schema(self.parameters), "additionalProperties": False}
