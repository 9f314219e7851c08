"""The operations of listeners, as the description has them."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    json_content,
    object_schema,
    reference,
    responses,
)
from ringback.catalogue.openapi_endpoints import WISH

_TEXT: Schema = {"type": "string"}
_MS: Schema = {"type": "number", "minimum": 0, "maximum": 86_400_000}
_MS_OR_NULL: Schema = {**_MS, "type": ["number", "null"]}

_REPORT: dict[str, Schema] = {
    "delivery_id": {**_TEXT, "maxLength": 100},
    "epoch": {"type": "integer", "minimum": 0, "description": "As it was handed out."},
    "untried": {
        "type": "boolean",
        "description": "It is given back and comes again at once; nothing else counts then.",
    },
    "webhook_timestamp": {
        "type": "integer",
        "minimum": 0,
        "description": "That of the request that was posted.",
    },
    "status_code": {
        "type": ["integer", "null"],
        "minimum": 100,
        "maximum": 599,
        "description": "What the receiver answered; null: nothing.",
    },
    "reason": {
        "type": ["string", "null"],
        "enum": ["dns", "connect", "tls", "timeout", "protocol", None],
        "description": "Why there is no whole answer.",
    },
    "headers": {
        "type": "array",
        "description": "Names, in lower case, and values; at most 8 KiB.",
        "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
        "maxItems": 100,
    },
    "body": {"type": "string", "description": "The first 16 KiB of the answer, as base64."},
    "truncated": {"type": "boolean", "description": "The answer was longer."},
    "duration_ms": _MS,
    "connect_ms": _MS_OR_NULL,
    "first_byte_ms": _MS_OR_NULL,
}

LISTENER_SCHEMAS: dict[str, Schema] = {
    "Answered": {
        "description": "The delivery as it now is, and whether an attempt was recorded.",
        "allOf": [
            reference("schemas", "Delivery"),
            {"type": "object", "properties": {"recorded": {"type": "boolean"}}},
        ],
    },
}

_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The listener's name: 1 to 64 letters, digits, and `._@-` inside.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$"},
}


def _operation(
    name: str, summary: str, answers: dict[str, Any], *errors: int, **more: Any
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["Endpoints"],
        "summary": summary,
        **more,
        "responses": answers | responses(400, 401, 403, *errors),
    }


def _answer(description: str, schema_name: str) -> dict[str, Any]:
    return {"description": description, "content": json_content(schema_name)}


LISTENER_PATHS: dict[str, Any] = {
    "/webhooks/listeners/{name}": {
        "parameters": [_NAME],
        "put": _operation(
            "open_listener",
            "Make a listener, or change it",
            {
                "200": _answer("It, as it now is.", "Endpoint"),
                "201": _answer("It was made; its secret is shown this once.", "NewEndpoint"),
                "409": _answer("The workspace has as many endpoints as it may.", "Error"),
            },
            *(413, 415, 507),
            description="An endpoint without a URL: a program takes what is owed to it.",
            requestBody={
                "required": False,
                "content": {
                    "application/json": {
                        "schema": object_schema(
                            {k: v for k, v in WISH.items() if k not in ("url", "disabled")},
                            [],
                            "What is not sent stays.",
                        )
                        | {"additionalProperties": False},
                        "example": {"events": ["job.completed", "job.failed"]},
                    }
                },
            },
        ),
        "delete": _operation(
            "forget_listener",
            "Delete a listener",
            {"200": _answer("It is gone; its log stays.", "Nothing")},
            *(404, 507),
        ),
    },
    "/webhooks/listeners/{name}/deliveries": {
        "parameters": [_NAME],
        "get": _operation(
            "listen",
            "Take a listener's deliveries",
            {
                "200": {
                    "description": "They are handed out one by one, signed.",
                    "content": {"text/event-stream": {"schema": _TEXT}},
                },
                "409": _answer("The listener is disabled.", "Error"),
                "429": _answer("The workspace has as many streams open as it may have.", "Error"),
            },
            404,
            description="A stream of server-sent events; it needs `Accept: text/event-stream`. "
            "Each `delivery` is in the program's hands until it is answered, or its lease ends.",
            parameters=[
                {
                    "name": "at_once",
                    "in": "query",
                    "required": False,
                    "description": "How many the program may have in its hands.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": 32, "default": 8},
                }
            ],
        ),
    },
    "/webhooks/listeners/{name}/answers": {
        "parameters": [_NAME],
        "post": _operation(
            "answer_delivery",
            "Answer for a delivery",
            {
                "200": _answer("It is in the log.", "Answered"),
                "409": _answer("It came too late and changed nothing.", "Error"),
            },
            *(404, 413, 415, 507),
            requestBody={
                "required": True,
                "content": {
                    "application/json": {
                        "schema": object_schema(
                            _REPORT, ["delivery_id", "epoch"], "What became of it."
                        )
                        | {"additionalProperties": False},
                        "example": {
                            "delivery_id": "01a208e4-b3a8-75d8-89e0-5c12f95ee496",
                            "epoch": 1,
                            "webhook_timestamp": 1795445535,
                            "status_code": 204,
                        },
                    }
                },
            },
        ),
    },
}
