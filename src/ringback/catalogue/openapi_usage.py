"""The operation of usage, as the description has it."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    json_content,
    object_schema,
    responses,
)

_DAY: Schema = {"type": "string", "format": "date"}
_UNITS: Schema = {"type": "number", "minimum": 0}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TOKEN: Schema = {
    "type": ["string", "null"],
    "description": "The token's id; null where it is not known.",
}

USAGE_SCHEMAS: dict[str, Schema] = {
    "Usage": object_schema(
        {
            "from": _DAY,
            "to": {**_DAY, "description": "Included."},
            "group": {
                "type": "array",
                "items": {"type": "string", "enum": ["day", "model", "token"]},
            },
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/UsageItem"}},
            "total": object_schema(
                {"jobs": _COUNT, "compute_units": _UNITS},
                ["jobs", "compute_units"],
                "All items together.",
            ),
            "budgets": {"type": "array", "items": {"$ref": "#/components/schemas/Budget"}},
        },
        ["from", "to", "group", "items", "total", "budgets"],
        "What was completed, and what it cost; failed and cancelled jobs cost nothing.",
    ),
    "UsageItem": object_schema(
        {
            "day": {**_DAY, "description": "Of the jobs' completion, in UTC."},
            "model": {"type": "string", "description": "With its kind: `video/google/veo-3.1`."},
            "token_id": _TOKEN,
            "jobs": _COUNT,
            "compute_units": _UNITS,
        },
        ["jobs", "compute_units"],
        "One sum; it says what `group` tells apart.",
    ),
    "Budget": object_schema(
        {
            "token_id": {
                "type": ["string", "null"],
                "description": "The token that it is for; null for the whole workspace.",
            },
            "period": {
                "type": "string",
                "enum": ["total", "month"],
                "description": "`month` begins anew with each calendar month in UTC.",
            },
            "compute_units": _UNITS,
            "spent": _UNITS,
            "left": _UNITS,
        },
        ["token_id", "period", "compute_units", "spent", "left"],
        "What may be spent; when nothing is left, jobs that cost something are refused with 402.",
    ),
}


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


USAGE_PATHS: dict[str, Any] = {
    "/usage": {
        "get": {
            "operationId": "get_usage",
            "tags": ["Usage"],
            "summary": "Look at what was spent",
            "description": "This month so far, by day, unless the query says otherwise.",
            "parameters": [
                _query("from", "The first day, in UTC.", _DAY),
                _query("to", "The last day, at most 366 days on.", _DAY),
                _query(
                    "group",
                    "What to tell apart: some of `day`, `model`, `token`, with commas between.",
                    {"type": "string", "default": "day"},
                ),
            ],
            "responses": {
                "200": {
                    "description": "Sums, and the budgets as they stand.",
                    "content": json_content("Usage"),
                },
                **responses(400, 401, 403),
            },
        }
    }
}
"""Paths and operations, as the description has them."""
