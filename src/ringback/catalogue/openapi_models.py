"""A model's operation in the API's description."""

from __future__ import annotations

import re
from typing import Any

from ringback.catalogue.example import example_of
from ringback.catalogue.model import Cost, Model
from ringback.catalogue.openapi_components import header_parameter, json_content, responses

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


def model_operation(model: Model) -> dict[str, Any]:
    """Return the operation that asks for the model."""
    operation: dict[str, Any] = {
        "operationId": "generate_" + _NOT_IN_A_NAME.sub("_", f"{model.kind}_{model.id}"),
        "tags": [model.kind.capitalize()],
        "summary": model.title,
        "description": description_of(model),
        "parameters": [
            header_parameter("X-Webhook-URL"),
            header_parameter("X-Webhook-Events"),
            header_parameter("Idempotency-Key"),
            header_parameter("X-Ringback-Priority"),
            header_parameter("Prefer"),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.schema, "example": example_of(model)}},
        },
        "responses": {
            "200": submitted_response(),
            **responses(400, 401, 402, 403, 404, 409, 410, 413, 415, 429, 503, 507),
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
    """Return the answer to what makes a job."""
    return {
        "description": "The job. It is kept, and will be run.",
        "headers": {
            "Location": _header("Where the job is looked at."),
            "Deprecation": _header(
                "Comes when the body used an old field name, and when the model will end."
            ),
            "Idempotency-Replayed": _header(
                "`true` when the job was made by an earlier request with the same key."
            ),
            "Preference-Applied": _header("`wait=N` when the answer was waited for."),
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
    # Where a time is told, cost follows the time, and both are averages.
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


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_SUNSET_HEADERS = {
    "Sunset": _header("When the model ends."),
    "Link": _header("Where to read about that, and the model to use then."),
}
