"""The operations of node apps, as the description has them."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    header_parameter,
    json_content,
    object_schema,
    reference,
    responses,
)

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_ID: Schema = {"type": "string", "format": "uuid"}
_NAMES: Schema = {"type": ["object", "null"], "additionalProperties": _TEXT}
_SCHEMA: Schema = {
    "type": ["object", "null"],
    "properties": {
        "type": {"type": "string", "const": "object"},
        "properties": {"type": "object", "additionalProperties": {"type": "object"}},
        "required": {"type": "array", "items": _TEXT},
    },
    "required": ["type", "properties"],
}
_OBJECTS: Schema = {"type": "object", "additionalProperties": {"type": "object"}}
_NAME = "^[A-Za-z][A-Za-z0-9_]{0,39}$"

_SUMMARY: dict[str, Schema] = {
    "id": {**_ID, "description": "The app's id, the same for all its versions."},
    "author_id": _TEXT,
    "workspace_id": _TEXT,
    "name": _TEXT,
    "slug": {"type": "string", "description": "What the app is called in URLs."},
    "description": _TEXT,
    "scope": {"type": "string", "enum": ["workspace"]},
    "created_at": {**_TIME, "description": "When the first version was pushed."},
    "updated_at": {**_TIME, "description": "When the latest version was pushed."},
    "last_version_id": _ID,
    "version": {"type": "integer", "minimum": 1},
    "version_created_at": {**_TIME, "type": ["string", "null"]},
    "username": _TEXT,
    "example_outputs": {"type": ["array", "null"], "items": _TEXT},
    "version_id": {**_ID, "description": "What this version is executed by."},
}

_MEMBERS: dict[str, Schema] = {
    **_SUMMARY,
    "input_openapi_schema": {**_SCHEMA, "description": "What an execution takes."},
    "output_openapi_schema": {**_SCHEMA, "description": "What `result.outputs` has."},
    "input_key_mapping": _NAMES,
    "output_key_mapping": _NAMES,
    "definition": {"type": "object", "description": "What was pushed."},
}

APP_SCHEMAS: dict[str, Schema] = {
    "NodeApp": object_schema(_MEMBERS, list(_MEMBERS), "One version of a node app."),
    "NodeAppSummary": object_schema(
        _SUMMARY, list(_SUMMARY), "What a version of a node app is, without what it does."
    ),
    "NodeAppPage": object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", "NodeAppSummary")},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null on the last.",
            },
        },
        ["items", "next_cursor"],
        "Node apps in their latest versions, those pushed last first.",
    ),
    "NodeAppDefinition": {
        "type": "object",
        "description": "A graph of steps.",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "slug": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"},
            "description": {"type": "string", "maxLength": 4000},
            "inputs": {
                **_OBJECTS,
                "maxProperties": 64,
                "propertyNames": {"pattern": _NAME},
                "description": "What an execution takes, each by its name.",
            },
            "steps": {
                **_OBJECTS,
                "minProperties": 1,
                "maxProperties": 32,
                "propertyNames": {"pattern": _NAME},
                "description": "Each has `model` and `input`, or `asset`. A value anywhere in an "
                'input may be `{"from": "input.NAME"}`, `{"from": "STEP.url"}` or '
                '`{"join": […]}`.',
            },
            "outputs": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 32,
                "propertyNames": {"pattern": _NAME},
                "description": "What the run gives, each by its name.",
            },
        },
        "required": ["name", "steps", "outputs"],
    },
    "RunStep": object_schema(
        {
            "step": _TEXT,
            "kind": _TEXT,
            "model": {"type": ["string", "null"]},
            "job_id": {"type": ["string", "null"], "description": "Null until it has begun."},
            "status": {
                "anyOf": [reference("schemas", "JobStatus"), {"type": "null"}],
                "description": "Null until it has begun; assets have none.",
            },
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
        },
        ["step", "kind", "model", "job_id"],
        "Where a step of a run stands.",
    ),
}

_APP = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a version, or the app's slug for the latest.",
    "schema": _TEXT,
}
_PAGE = [
    {
        "name": "cursor",
        "in": "query",
        "required": False,
        "description": "The `next_cursor` of the page before, or an ISO 8601 time: pushed before.",
        "schema": _TEXT,
    },
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "How many apps a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
]


def _operation(
    name: str, summary: str, answer: dict[str, Any], *errors: int, **more: Any
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["Node Apps"],
        "summary": summary,
        **more,
        "responses": {"200": {"description": summary, "content": answer}}
        | responses(401, 403, *errors),
    }


def _push() -> dict[str, Any]:
    operation = _operation(
        "push_node_app",
        "Push a node app",
        json_content("NodeApp"),
        *(400, 413, 415, 503, 507),
        description=(
            "Keep a definition as the next version of the app with its slug. Versions never "
            "change; pushing the latest again returns it."
        ),
        requestBody={"required": True, "content": json_content("NodeAppDefinition")},
    )
    operation["responses"]["409"] = {
        "description": "The workspace keeps as many versions as it may.",
        "content": json_content("Error"),
    }
    return operation


def _execute() -> dict[str, Any]:
    jobs = {"type": "array", "items": reference("schemas", "Job")}
    return _operation(
        "execute_node_app",
        "Execute a node app",
        {"application/json": {"schema": jobs}},
        *(400, 402, 404, 409, 413, 415, 429, 503, 507),
        description=(
            "The answer is a list with one job, the run. `GET /jobs/{id}` shows its `steps`, each "
            "of which is a job too, and in the end `result.outputs` by their names."
        ),
        requestBody={
            "required": False,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "description": "The app's inputs, as its `input_openapi_schema` says.",
                    }
                }
            },
        },
        parameters=[
            header_parameter("X-Webhook-URL"),
            header_parameter("X-Webhook-Events"),
            header_parameter("Idempotency-Key"),
            header_parameter("X-Ringback-Priority"),
            header_parameter("Prefer"),
        ],
    )


APP_PATHS: dict[str, Any] = {
    "/node-apps": {
        "post": _push(),
        "get": _operation(
            "list_node_apps", "List node apps", json_content("NodeAppPage"), 400, parameters=_PAGE
        ),
    },
    "/node-apps/{id}": {
        "parameters": [_APP],
        "get": _operation("get_node_app", "Get a node app", json_content("NodeApp"), 404),
    },
    "/node-apps/{id}/execute": {"parameters": [_APP], "post": _execute()},
}
