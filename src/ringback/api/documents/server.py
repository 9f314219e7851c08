"""Models and the server's state as the API shows them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from ringback.api.documents.fields import Day
from ringback.catalogue.catalogue import Catalogue


class ModelDocument(Struct, frozen=True, kw_only=True):
    """A model and its inputs."""

    id: str
    kind: str
    path: Annotated[str, Meta(description="The path of its route.")]
    title: str
    description: str
    engine: str
    type: str
    compute_units: float | None
    average_completion_s: float | None
    sunset_date: Annotated[
        Day | None,
        Meta(description="From this day on (UTC) requests to the model get a 410."),
    ]
    replacement: Annotated[str | None, Meta(description="The model to use then.")]
    parameters: Annotated[dict[str, Any], Meta(description="The JSON Schema of the body.")]


class ModelsDocument(Struct, frozen=True, kw_only=True):
    """Every model."""

    models: list[ModelDocument]


class StateDocument(Struct, frozen=True, kw_only=True):
    """The state of the server, in one word."""

    status: str


def models_document(catalogue: Catalogue) -> ModelsDocument:
    """Return every model, with the schema of its body."""
    return ModelsDocument(
        models=[
            ModelDocument(
                id=model.id,
                kind=model.kind,
                path=model.path,
                title=model.title,
                description=model.description,
                engine=model.engine,
                type=model.type,
                compute_units=model.compute_units,
                average_completion_s=model.usual_s,
                sunset_date=None if model.sunset is None else model.sunset.date.isoformat(),
                replacement=None if model.sunset is None else model.sunset.replacement,
                parameters=model.schema,
            )
            for model in catalogue
        ]
    )
