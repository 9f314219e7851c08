"""The operations of endpoints and signing keys, as the description has them."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    json_content,
    object_schema,
    reference,
    responses,
)

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_EVENTS = (
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.backlogged",
    "job.started",
    "job.progress",
)

_URL: Schema = {
    "type": "string",
    "format": "uri",
    "pattern": "^https?://",
    "description": "Where events are posted. Addresses of private networks may be refused.",
}
_DESCRIPTION: Schema = {"type": "string", "maxLength": 500, "description": "One line, for people."}
_WANTED_EVENTS: Schema = {
    "type": "array",
    "description": "What it is told; the three ends unless it says otherwise.",
    "items": {"type": "string", "enum": list(_EVENTS)},
    "minItems": 1,
    "maxItems": len(_EVENTS),
}
_MODELS: Schema = {
    "type": "array",
    "description": "Of whose jobs it is told, by model id; empty: of all.",
    "items": _TEXT,
    "maxItems": 100,
}
_HEADERS: Schema = {
    "type": "object",
    "description": "Headers that every request to it carries, like an API key; kept sealed. "
    "Headers of the connection, the content and the signature are not yours to set.",
    "additionalProperties": {"type": "string"},
}
_SCHEDULE: Schema = {
    "type": ["array", "null"],
    "description": "The wait before each attempt in seconds, the first included; null: the "
    "server's.",
    "items": {"type": "number", "minimum": 0, "maximum": 604_800},
    "minItems": 1,
    "maxItems": 50,
}
_DISABLED: Schema = {"type": "boolean", "description": "Whether it is told nothing."}

WISH: dict[str, Schema] = {
    "url": _URL,
    "description": _DESCRIPTION,
    "events": _WANTED_EVENTS,
    "models": _MODELS,
    "headers": {
        **_HEADERS,
        "type": ["object", "null"],
        "maxProperties": 20,
        "propertyNames": {"maxLength": 64, "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "additionalProperties": {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$"},
    },
    "schedule_s": _SCHEDULE,
    "disabled": _DISABLED,
}
_ENDPOINT: dict[str, Schema] = {
    "id": {"type": "string", "format": "uuid"},
    "url": _TEXT,
    "listener": {
        "type": ["string", "null"],
        "description": "Its name, if a program takes its deliveries and nothing is posted.",
    },
    "heard_at": {
        **_TIME_OR_NULL,
        "description": "When a listener's program was last known to be connected.",
    },
    "description": _TEXT,
    "events": _WANTED_EVENTS,
    "models": _MODELS,
    "headers": {**_HEADERS, "description": "Its own headers; the values are not shown."},
    "schedule_s": _SCHEDULE,
    "created_at": _TIME,
    "disabled": _DISABLED,
    "disabled_at": _TIME_OR_NULL,
    "disabled_reason": {
        "type": ["string", "null"],
        "description": "`asked`, `gone` (it answered 410), `failing` (for days) or "
        "`unheard` (a listener to which no program came, for days).",
    },
    "failing_since": {**_TIME_OR_NULL, "description": "The first failure since its last success."},
    "missed": {
        "description": "Since when it missed events, once it is enabled again; null: nothing.",
        "anyOf": [
            object_schema(
                {"since": _TIME, "recover": _TEXT}, ["since", "recover"], "What was missed."
            ),
            {"type": "null"},
        ],
    },
    "public_keys": {
        "type": "array",
        "description": "The Ed25519 keys that sign beside its secret.",
        "items": _TEXT,
    },
}
_OVERLAP: Schema = {
    "type": ["number", "null"],
    "minimum": 0,
    "maximum": 2_592_000,
    "description": "Seconds for which the older ones sign on; 0: they sign no more.",
}

ENDPOINT_SCHEMAS: dict[str, Schema] = {
    "Endpoint": object_schema(_ENDPOINT, list(_ENDPOINT), "A webhook URL of the workspace."),
    "NewEndpoint": object_schema(
        {**_ENDPOINT, "secret": {"type": "string", "description": "Shown this once."}},
        [*_ENDPOINT, "secret"],
        "An endpoint that was just made.",
    ),
    "Endpoints": object_schema(
        {"items": {"type": "array", "items": reference("schemas", "Endpoint")}},
        ["items"],
        "Every endpoint of the workspace, oldest first.",
    ),
    "TestSent": object_schema(
        {"delivery_id": _TEXT, "event": _TEXT},
        ["delivery_id", "event"],
        "The test's delivery; it is in the log.",
    ),
    "Recovery": object_schema(
        {"chore_id": _TEXT, "since": _TIME},
        ["chore_id", "since"],
        "The work that sends what was missed.",
    ),
    "RotatedSecret": object_schema(
        {
            "secret": {"type": "string", "description": "The new one; shown this once."},
            "others_sign_until": {**_TIME, "description": "Until then both sign."},
        },
        ["secret", "others_sign_until"],
        "A new signing secret.",
    ),
    "PublicKey": object_schema(
        {
            "kind": {"type": "string", "enum": ["v1a"]},
            "public_key": {"type": "string", "description": "`whpk_` and base64."},
            "created_at": _TIME,
            "signs_until": _TIME_OR_NULL,
        },
        ["kind", "public_key", "created_at", "signs_until"],
        "The public half of an Ed25519 key.",
    ),
    "PublicKeys": object_schema(
        {"items": {"type": "array", "items": reference("schemas", "PublicKey")}},
        ["items"],
        "Public keys, newest first.",
    ),
    "Jwks": object_schema(
        {"keys": {"type": "array", "items": {"type": "object"}}},
        ["keys"],
        "A JSON Web Key Set (RFC 7517).",
    ),
    "Nothing": {"type": "object", "maxProperties": 0},
}

_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The endpoint's id.",
    "schema": {"type": "string", "format": "uuid"},
}


def _operation(
    name: str, summary: str, answer: dict[str, Any], *errors: int, **more: Any
) -> dict[str, Any]:
    conflict = (
        {
            "409": {
                "description": "The endpoint does not allow it.",
                "content": json_content("Error"),
            }
        }
        if 409 in errors
        else {}
    )
    others = (code for code in errors if code != 409)
    refusals = (403,) if more.get("security") == [] else (401, 403)
    return {
        "operationId": name,
        "tags": ["Endpoints"],
        "summary": summary,
        **more,
        "responses": answer | conflict | responses(*refusals, *others),
    }


def _answer(code: int, description: str, schema_name: str) -> dict[str, Any]:
    return {str(code): {"description": description, "content": json_content(schema_name)}}


def _body(
    properties: dict[str, Schema], *needed: str, example: dict[str, Any], required: bool = True
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed:
        schema["required"] = list(needed)
    content = {"schema": schema, "example": example}
    return {"required": required, "content": {"application/json": content}}


def _keys(of: str) -> dict[str, Any]:
    missing = (404,) if of == "endpoint" else ()
    return {
        "get": _operation(
            f"list_{of}_keys",
            f"List the {of}'s public keys",
            _answer(200, "The keys that sign now.", "PublicKeys"),
            *missing,
        ),
        "post": _operation(
            f"add_{of}_key",
            f"Sign the {of}'s webhooks with Ed25519 too",
            _answer(201, "The public key; it is in the key set, too.", "PublicKey"),
            *(400, *missing, 409, 413, 415, 507),
            description="Older keys of this kind sign on for the overlap.",
            requestBody=_body(
                {"kind": {"type": "string", "enum": ["v1a"]}, "overlap_s": _OVERLAP},
                "kind",
                example={"kind": "v1a"},
            ),
        ),
        "delete": _operation(
            f"drop_{of}_keys",
            f"Sign the {of}'s webhooks with Ed25519 no more",
            _answer(200, "They sign no more.", "Nothing"),
            *(*missing, 507),
        ),
    }


def _rotation(of: str, description: str) -> dict[str, Any]:
    missing = (404,) if of == "endpoint" else ()
    return _operation(
        f"rotate_{of}_secret",
        f"Rotate the {of}'s secret",
        _answer(200, "The new secret.", "RotatedSecret"),
        *(400, *missing, 409, 413, 415, 507),
        description=description,
        requestBody=_body({"overlap_s": _OVERLAP}, example={"overlap_s": 3600}, required=False),
    )


ENDPOINT_PATHS: dict[str, Any] = {
    "/webhooks/endpoints": {
        "get": _operation(
            "list_endpoints", "List endpoints", _answer(200, "All of them.", "Endpoints")
        ),
        "post": _operation(
            "create_endpoint",
            "Create an endpoint",
            _answer(201, "The endpoint, with its secret.", "NewEndpoint"),
            *(400, 409, 413, 415, 507),
            description="Told of every job of the workspace, beside the jobs' own webhook URLs.",
            requestBody=_body(
                WISH,
                "url",
                example={
                    "url": "https://shop.example/webhooks",
                    "events": ["job.completed", "job.failed"],
                },
            ),
        ),
    },
    "/webhooks/endpoints/{id}": {
        "parameters": [_ID],
        "get": _operation(
            "get_endpoint", "Look at an endpoint", _answer(200, "It.", "Endpoint"), 404
        ),
        "patch": _operation(
            "change_endpoint",
            "Change an endpoint",
            _answer(200, "The endpoint as it now is.", "Endpoint"),
            *(400, 404, 409, 413, 415, 507),
            description="What is not sent stays. With a new URL, what waits moves there. "
            "`disabled: false` enables it again, and `missed` then says what it missed.",
            requestBody=_body(WISH, example={"disabled": False}),
        ),
        "delete": _operation(
            "delete_endpoint",
            "Delete an endpoint",
            _answer(200, "It is gone; its log stays.", "Nothing"),
            *(404, 507),
        ),
    },
    "/webhooks/endpoints/{id}/test": {
        "parameters": [_ID],
        "post": _operation(
            "test_endpoint",
            "Send a test event",
            _answer(202, "It is owed: `endpoint.test`.", "TestSent"),
            *(400, 404, 409, 413, 415, 507),
        ),
    },
    "/webhooks/endpoints/{id}/recover": {
        "parameters": [_ID],
        "post": _operation(
            "recover_endpoint",
            "Send what an endpoint missed",
            _answer(202, "It is being sent.", "Recovery"),
            *(400, 404, 409, 413, 415, 507),
            description="Since `since`, or since it first failed or was disabled.",
            requestBody=_body(
                {"since": _TIME_OR_NULL}, example={"since": "2027-01-15T08:00:00Z"}, required=False
            ),
        ),
    },
    "/webhooks/endpoints/{id}/secret/rotate": {
        "parameters": [_ID],
        "post": _rotation("endpoint", "For the overlap both secrets sign."),
    },
    "/webhooks/endpoints/{id}/keys": {"parameters": [_ID], **_keys("endpoint")},
    "/webhooks/secret/rotate": {
        "post": _rotation(
            "workspace", "It signs what goes to the webhook URLs that come with jobs."
        ),
    },
    "/webhooks/keys": _keys("workspace"),
    "/.well-known/webhooks-jwks.json": {
        "get": _operation(
            "get_jwks",
            "Get the public keys of webhooks",
            _answer(200, "The key set.", "Jwks"),
            400,
            security=[],
            parameters=[
                {
                    "name": "endpoint",
                    "in": "query",
                    "required": False,
                    "description": "The endpoint whose keys they are, by its id.",
                    "schema": _TEXT,
                },
                {
                    "name": "workspace",
                    "in": "query",
                    "required": False,
                    "description": "The workspace whose keys they are, for URLs of single jobs.",
                    "schema": _TEXT,
                },
            ],
        )
    },
}
