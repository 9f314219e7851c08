"""The operations of the API's description that are there whatever the models."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import header_parameter, json_content, responses

_JOB_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The job's id, as its submission was answered.",
    "schema": {"type": "string", "format": "uuid"},
}


def _operation(
    name: str, tag: str, summary: str, answers: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {"operationId": name, "tags": [tag], "summary": summary, **more, "responses": answers}


def _answer(description: str, schema_name: str) -> dict[str, Any]:
    return {"200": {"description": description, "content": json_content(schema_name)}}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


FIXED_PATHS: dict[str, Any] = {
    "/jobs": {
        "get": _operation(
            "list_jobs",
            "Jobs",
            "List jobs",
            _answer("One page of the workspace's jobs.", "JobPage") | responses(400, 401, 403),
            description="Newest first, one page at a time.",
            parameters=[
                _query(
                    "cursor",
                    "The `next_cursor` of the page before, or an ISO 8601 time: jobs made before.",
                    {"type": "string"},
                ),
                _query(
                    "limit",
                    "How many jobs a page has at most.",
                    {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
                ),
                _query("types", "Only jobs of these types: `flux,k2`.", {"type": "string"}),
                _query(
                    "status",
                    "Only jobs with this status.",
                    {"$ref": "#/components/schemas/JobStatus"},
                ),
            ],
        )
    },
    "/jobs/{id}": {
        "parameters": [_JOB_ID],
        "get": _operation(
            "get_job",
            "Jobs",
            "Look at a job",
            _answer("The job as it stands.", "Job") | responses(400, 401, 403, 404),
            description="With `wait`, answers when the job has ended or the time is over. With "
            "`Accept: text/event-stream`, tells of every change until the job has ended.",
            parameters=[
                _query(
                    "wait",
                    "Seconds to wait for the end; of more than 60, 60 are waited.",
                    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
                ),
                header_parameter("Prefer"),
            ],
        ),
        "delete": _operation(
            "cancel_job",
            "Jobs",
            "Cancel a job",
            {
                "200": {
                    "description": "The job is cancelled, or had ended before.",
                    "content": {
                        "application/json": {"schema": {"type": "object", "maxProperties": 0}}
                    },
                }
            }
            | responses(401, 403, 404, 507),
            description="Its webhook is called. A job that has ended stays as it is.",
        ),
    },
    "/models": {
        "get": _operation(
            "list_models",
            "Server",
            "List the models",
            _answer("Every model, with the JSON Schema of its body.", "Models") | responses(403),
            security=[],
        )
    },
    "/openapi.json": {
        "get": _operation(
            "get_openapi",
            "Server",
            "Get this description",
            {
                "200": {
                    "description": "This document.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            }
            | responses(403),
            security=[],
        )
    },
    "/healthz": {
        "get": _operation(
            "healthz",
            "Server",
            "Ask whether the process lives",
            _answer("It does.", "State") | responses(403),
            security=[],
        )
    },
    "/readyz": {
        "get": _operation(
            "readyz",
            "Server",
            "Ask whether new work is welcome",
            _answer("It is.", "State") | responses(403, 503),
            security=[],
        )
    },
}
"""Paths and operations, as the description has them."""
