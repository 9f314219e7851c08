"""The operations that submit jobs, one for each model, in the API's description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ringback.api.openapi.components import error_responses, header_parameter, json_content
from ringback.api.parameters import SUBMISSION_HEADERS
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Cost, Model

_ABOUT_TRAINING = (
    "Trains a style from images; the job's `result` has its `style_id`. Until the style is "
    "shared, only the token that submitted the job may use it."
)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


def model_operation(model: Model) -> dict[str, Any]:
    """Return the operation that submits a job to the model."""
    operation: dict[str, Any] = {
        "operationId": "generate_" + _NOT_IN_A_NAME.sub("_", f"{model.kind}_{model.id}"),
        "tags": [model.kind.capitalize()],
        "summary": model.title,
        "description": description_of(model),
        "parameters": [header_parameter(name) for name in SUBMISSION_HEADERS],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.schema, "example": example_of(model)}},
        },
        "responses": {
            "200": submitted_response(),
            **error_responses((400, 401, 402, 403, 404, 408, 409, 410, 413, 415, 429, 503, 507)),
        },
    }
    if model.sunset is not None:
        operation["deprecated"] = True
        operation["x-sunset-date"] = model.sunset.date.isoformat()
        operation["responses"]["200"]["headers"] |= _SUNSET_HEADERS
    if model.aliases:
        # The public API's name: programs that rewrite old fields look for it.
        operation["x-krea-deprecated-field-aliases"] = [
            {"from": alias.old, "to": alias.new}
            | ({} if alias.sunset is None else {"sunset_date": alias.sunset})
            for alias in model.aliases
        ]
    return operation


def submitted_response() -> dict[str, Any]:
    """Return the response to a submission."""
    return {
        "description": "The job, which is stored and will run.",
        "headers": {
            "Location": _header("The path of the job."),
            "Deprecation": _header(
                "Sent if the body has an old field name, or if the model has a sunset date."
            ),
            "Idempotency-Replayed": _header(
                "`true` if an earlier request with the same key created the job."
            ),
            "Preference-Applied": _header("`wait=N` if the server waited for the end."),
        },
        "content": json_content("SubmittedJob"),
    }


def description_of(model: Model) -> str:
    """Return the model's description with its costs and old names, in the public API's form.

    Programs read the table and the list out of the text.
    """
    return "\n".join([model.description, *_cost_table(model), *_old_names(model)])


def _cost_table(model: Model) -> list[str]:
    if model.compute_units is None:
        return []
    columns = [*model.cost_by, "Compute Units"]
    costs = model.costs or (Cost(variant=(), compute_units=model.compute_units),)
    if model.usual_s is not None:
        columns.append("Average Completion Time")
    return [
        _row(columns),
        "|" + "|".join("-" * (len(column) + 2) for column in columns) + "|",
        *(_row(_cells(model, cost)) for cost in costs),
    ]


def _cells(model: Model, cost: Cost) -> list[str]:
    units = _units(cost.compute_units)
    if model.usual_s is None:
        return [*cost.variant, units]
    # If there is a time, the cost depends on it, and both are averages.
    usual_s = model.usual_s if cost.usual_s is None else cost.usual_s
    return [*cost.variant, f"~{units.removesuffix('.0')}", f"~{usual_s:g} seconds"]


def _units(compute_units: float) -> str:
    return f"{compute_units:.0f}" if compute_units >= 100 else f"{compute_units:.1f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _old_names(model: Model) -> list[str]:
    if not model.aliases:
        return []
    return [
        "> **Deprecated request fields:**",
        ">",
        *(
            f"> - `{alias.old}` -> `{alias.new}`"
            + ("" if alias.sunset is None else f" until {alias.sunset}")
            for alias in model.aliases
        ),
        ">",
        "> Ringback still takes the old names, and the date is the public API's.",
    ]


def training_operation(trainings: Sequence[Model]) -> dict[str, Any]:
    """Return the operation that trains a style for one of these models."""
    return {
        "operationId": "train_style",
        "tags": ["Styles"],
        "summary": "Train a style",
        "description": "\n".join([_ABOUT_TRAINING, *_training_costs(trainings)]),
        "parameters": [header_parameter(name) for name in SUBMISSION_HEADERS],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            _training_body(model, is_default=not index)
                            for index, model in enumerate(trainings)
                        ]
                    },
                    "example": example_of(trainings[0]),
                }
            },
        },
        "responses": {
            "200": submitted_response(),
            **error_responses((400, 401, 402, 403, 408, 409, 413, 415, 429, 503, 507)),
        },
    }


def _training_costs(trainings: Sequence[Model]) -> list[str]:
    """Return the cost of a step for each model, as a table in the public API's form."""
    rows = [
        f"| **{model.name}** | ~{model.compute_units:g} |"
        for model in trainings
        if model.compute_units is not None
    ]
    return ["| Model | Compute Units/Step |", "|-------|-------------------|", *rows]


def _training_body(model: Model, *, is_default: bool) -> dict[str, Any]:
    """Return the schema of a training's body; all but the first must name their model."""
    schema = model.schema
    properties = dict(schema["properties"])
    required = list(schema.get("required", ()))
    if is_default:
        return schema
    properties["model"] = {
        name: value for name, value in properties["model"].items() if name != "default"
    }
    return {**schema, "properties": properties, "required": ["model", *required]}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_SUNSET_HEADERS = {
    "Sunset": _header("The date on which the model ends."),
    "Link": _header("The page about it, and the model to use then."),
}
