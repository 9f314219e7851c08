"""The operations of chores, as the description has them."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    json_content,
    object_schema,
    responses,
)

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_RATE: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
_STATUSES = ["waiting", "delivered", "exhausted", "discarded", "cancelled"]

CHORE_SCHEMAS: dict[str, Schema] = {
    "Chore": object_schema(
        {
            "id": _TEXT,
            "kind": {"type": "string", "enum": ["redeliver", "recover", "move", "discard"]},
            "status": {"type": "string", "enum": ["running", "ended", "cancelled"]},
            "progress": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "How much of the log was looked at.",
            },
            "done": {"type": "integer", "minimum": 0, "description": "Deliveries changed so far."},
            "rate": {**_RATE, "description": "Deliveries per second, at most."},
            "created_at": _TIME,
            "ended_at": {"type": ["string", "null"], "format": "date-time"},
        },
        ["id", "kind", "status", "progress", "done", "rate", "created_at", "ended_at"],
        "Work on many deliveries that survives a restart.",
    ),
    "Chores": object_schema(
        {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Chore"}}},
        ["items"],
        "The workspace's latest chores, newest first.",
    ),
    "Redelivery": {
        "type": "object",
        "description": "Which deliveries, and how many a second; at least one filter.",
        "additionalProperties": False,
        "properties": {
            "job_id": _TEXT,
            "endpoint_id": _TEXT,
            "destination": _TEXT,
            "status": {"type": "string", "enum": _STATUSES, "default": "exhausted"},
            "reason": _TEXT,
            "event": _TEXT,
            "since": _TIME,
            "before": _TIME,
            "rate": {**_RATE, "default": 200},
        },
    },
}

_CHORE_ID = {
    "name": "chore_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}


def _operation(
    name: str,
    summary: str,
    schema_name: str,
    *errors: int,
    code: int = 200,
    conflict: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    answers = {str(code): {"description": summary, "content": json_content(schema_name)}}
    if conflict is not None:
        answers["409"] = {"description": conflict, "content": json_content("Error")}
    return {
        "operationId": name,
        "tags": ["Deliveries"],
        "summary": summary,
        **more,
        "responses": answers | responses(401, 403, *errors),
    }


CHORE_PATHS: dict[str, Any] = {
    "/deliveries/redeliver": {
        "post": _operation(
            "redeliver_many",
            "Deliver many again",
            "Chore",
            *(400, 413, 415, 507),
            code=202,
            conflict="As many chores of the workspace are running as there may be.",
            requestBody={"required": True, "content": json_content("Redelivery")},
            description="By and by, as a chore: its progress is at `/webhooks/chores/{id}`.",
        ),
    },
    "/webhooks/chores": {
        "get": _operation("list_chores", "List chores", "Chores"),
    },
    "/webhooks/chores/{chore_id}": {
        "parameters": [_CHORE_ID],
        "get": _operation("get_chore", "Get a chore", "Chore", 404),
        "delete": _operation("cancel_chore", "Stop a chore", "Chore", 404, 507),
    },
}
