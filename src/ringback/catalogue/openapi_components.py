"""What the operations of the API's description share: schemas, headers, answers."""

from __future__ import annotations

from typing import Any

from ringback.jobs.model import JobStatus

Schema = dict[str, Any]


def json_content(schema_name: str) -> dict[str, Any]:
    """Return the content of an answer whose JSON has the named schema."""
    return {"application/json": {"schema": reference("schemas", schema_name)}}


def header_parameter(name: str) -> dict[str, str]:
    """Return the reference to a request header that several operations take."""
    return reference("parameters", name)


def responses(*status_codes: int) -> dict[str, dict[str, str]]:
    """Return the references to the error answers with these status codes."""
    return {str(code): reference("responses", _ERRORS[code][0]) for code in status_codes}


def reference(section: str, name: str) -> dict[str, str]:
    """Return the reference to a part of the description that is written once."""
    return {"$ref": f"#/components/{section}/{name}"}


_ERRORS = {
    400: ("InvalidRequest", "The body, a header or the query is wrong; `details` says where."),
    401: ("NotAuthenticated", "No token came, or an unknown one."),
    402: ("OverBudget", "The workspace's budget is used up."),
    403: ("HostRefused", "The Host header names a host that this server does not serve."),
    404: ("NotFound", "This workspace has nothing of that name."),
    408: ("TooSlow", "The body did not come in the time that it may take."),
    409: ("IdempotencyConflict", "The Idempotency-Key was used for a different request."),
    410: ("ModelUnavailable", "The model has passed its sunset."),
    413: ("BodyTooLarge", "The body has more bytes than this server takes."),
    415: ("UnsupportedMediaType", "The body is of a type that this route does not take."),
    429: ("BacklogFull", "The workspace has as many jobs waiting as it may have."),
    503: ("Unavailable", "The server is going down, or not ready; try again in a moment."),
    507: ("StorageFull", "The disk has no room for new work."),
}
_RETRY_AFTER = {
    "Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}
}
_CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
_ERROR_HEADERS = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}


def _error_response(code: int, description: str) -> dict[str, Any]:
    schema = "Gone" if code == 410 else "Error"
    response: dict[str, Any] = {"description": description, "content": json_content(schema)}
    if code in _ERROR_HEADERS:
        response["headers"] = _ERROR_HEADERS[code]
    return response


def object_schema(properties: dict[str, Schema], required: list[str], description: str) -> Schema:
    """Return the schema of an object with these members."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
    }


_TIME: Schema = {"type": "string", "format": "date-time"}
_TEXT: Schema = {"type": "string"}
_JOB: dict[str, Schema] = {
    "job_id": {"type": "string", "format": "uuid"},
    "status": reference("schemas", "JobStatus"),
    "created_at": _TIME,
}
_ABOUT_JOB: dict[str, Schema] = {
    "type": {"type": "string", "description": "What `GET /jobs?types=` filters by."},
    "engine": {"type": "string", "description": "What makes the result."},
    "model": {"type": "string", "description": "The model's id, like `bfl/flux-1-dev`."},
}
_RUN = object_schema(
    {"job_id": {"type": "string", "format": "uuid"}, "step": _TEXT},
    ["job_id", "step"],
    "Of a step of a node app: the run that it belongs to, and its name there.",
)

_SCHEMAS: dict[str, Schema] = {
    "JobStatus": {
        "type": "string",
        "description": "The last three are the end: nothing changes after.",
        "enum": [status.value for status in JobStatus],
    },
    "Result": object_schema(
        {
            "urls": {"type": "array", "items": {"type": "string", "format": "uri"}},
            "style_id": {"type": "string", "description": "Of the style that was trained."},
            "outputs": {
                "type": "object",
                "description": "Of a run of a node app: what it gives, each by its name.",
            },
            "error": {"type": "string", "description": "Why there is none."},
        },
        [],
        "What came of the job: files, or one sentence.",
    ),
    "SubmittedJob": object_schema(
        {
            **_JOB,
            "completed_at": {
                **_TIME,
                "type": ["string", "null"],
                "description": "Null, unless the answer was waited for.",
            },
            "result": {
                "anyOf": [reference("schemas", "Result"), {"type": "null"}],
                "description": "Null, unless the answer was waited for.",
            },
            **_ABOUT_JOB,
        },
        ["job_id", "status", "created_at", "completed_at", "result", "type", "engine"],
        "A job as its submission is answered.",
    ),
    "Job": object_schema(
        {
            **_JOB,
            "completed_at": {**_TIME, "description": "Left out until the job has ended."},
            "result": reference("schemas", "Result"),
            **_ABOUT_JOB,
            "progress": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "How much is done; left out when the job has ended.",
            },
            "run": _RUN,
            "steps": {
                "type": "array",
                "items": reference("schemas", "RunStep"),
                "description": "Of a run of a node app, where it is asked for by its id.",
            },
        },
        ["job_id", "status", "created_at"],
        "A job as it stands; what is not known yet is left out.",
    ),
    "JobPage": object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", "Job")},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null on the last.",
            },
        },
        ["items", "next_cursor"],
        "Jobs, newest first.",
    ),
    "Model": object_schema(
        {
            "id": _TEXT,
            "kind": _TEXT,
            "path": {"type": "string", "description": "Where it is asked for."},
            "title": _TEXT,
            "description": _TEXT,
            "engine": _TEXT,
            "type": _TEXT,
            "compute_units": {"type": ["number", "null"]},
            "average_completion_s": {"type": ["number", "null"]},
            "sunset_date": {
                "type": ["string", "null"],
                "format": "date",
                "description": "From this day on (UTC) the model is answered with 410.",
            },
            "replacement": {"type": ["string", "null"], "description": "The model to use then."},
            "parameters": {"type": "object", "description": "The JSON Schema of the body."},
        },
        ["id", "kind", "path", "title", "description", "engine", "type", "parameters"],
        "A model and what it takes.",
    ),
    "Models": object_schema(
        {"models": {"type": "array", "items": reference("schemas", "Model")}},
        ["models"],
        "Every model.",
    ),
    "State": object_schema({"status": _TEXT}, ["status"], "How the server is, in a word."),
    "Error": object_schema(
        {
            "error": {"type": "string", "description": "What is wrong, in one sentence."},
            "message": {"type": "string", "description": "The same sentence."},
            "code": {"type": "string", "description": "A stable name of what is wrong."},
            "details": {"type": "array", "items": reference("schemas", "FieldError")},
        },
        ["error", "message", "code"],
        "Why the request was not served.",
    ),
    "Gone": object_schema(
        {
            "error": {"const": "model_unavailable"},
            "reason": {"const": "deprecated"},
            "message": {"type": "string", "description": "What is wrong, in one sentence."},
            "code": {"const": "model_unavailable"},
            "sunset_date": {"type": "string", "format": "date"},
            "replacement": {
                "type": ["string", "null"],
                "description": "The model to use now, like `video/google/veo-3.1`.",
            },
            "migration_url": {"type": ["string", "null"], "format": "uri"},
        },
        ["error", "reason", "message", "code", "sunset_date", "replacement", "migration_url"],
        "Why a model is no longer there.",
    ),
    "FieldError": object_schema(
        {
            "path": {
                "type": "string",
                "description": "A JSON Pointer into the body, or like `header:X-Webhook-URL`.",
            },
            "message": _TEXT,
        },
        ["path", "message"],
        "One wrong field.",
    ),
}


def _header_parameter(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


COMPONENTS: dict[str, Any] = {
    "schemas": _SCHEMAS,
    "parameters": {
        "X-Webhook-URL": _header_parameter(
            "X-Webhook-URL",
            "Where the job is sent, as a signed POST, when it has ended. Addresses of private "
            "networks may be refused.",
            {"type": "string", "format": "uri", "pattern": "^https?://"},
        ),
        "X-Webhook-Events": _header_parameter(
            "X-Webhook-Events",
            "What `X-Webhook-URL` is told, with commas between: `job.completed`, `job.failed`, "
            "`job.cancelled` (these three, unless it says otherwise), `job.backlogged`, "
            "`job.started`, `job.progress`. Needs `X-Webhook-URL`.",
            {"type": "string", "examples": ["job.started,job.progress,job.completed"]},
        ),
        "Idempotency-Key": _header_parameter(
            "Idempotency-Key",
            "A request with the same key makes no second job and gets the first one's answer.",
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        ),
        "X-Ringback-Priority": _header_parameter(
            "X-Ringback-Priority",
            "From -10 to 10; of the jobs of a workspace the one with the higher number runs first.",
            {"type": "integer", "minimum": -10, "maximum": 10, "default": 0},
        ),
        "Prefer": _header_parameter(
            "Prefer",
            "`wait=N` answers when the job has ended, or after N seconds, at most 60.",
            {"type": "string", "examples": ["wait=10"]},
        ),
    },
    "responses": {
        name: _error_response(code, description) for code, (name, description) in _ERRORS.items()
    },
    "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
}
"""The ``components`` of the description."""
