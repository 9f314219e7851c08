"""Components of the API's description that operations share: headers and error responses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ringback.http.headers import IDEMPOTENCY_KEY_LENGTH_MAX, PRIORITY_MAX, WAIT_MAX_S
from ringback.http.schemas import Schema


def json_content(schema_name: str) -> dict[str, Any]:
    """Return the content of a JSON response with the named schema."""
    return {"application/json": {"schema": reference("schemas", schema_name)}}


def header_parameter(name: str) -> dict[str, str]:
    """Return the reference to a request header that several operations take."""
    return reference("parameters", name)


def reference(section: str, name: str) -> dict[str, str]:
    """Return the reference to a component of the description."""
    return {"$ref": f"#/components/{section}/{name}"}


def error_responses(statuses: Iterable[int]) -> dict[str, dict[str, str]]:
    """Return the references to the error responses with these statuses."""
    return {str(status): reference("responses", _ERRORS[status][0]) for status in statuses}


def error_response(status: int, description: str) -> dict[str, Any]:
    """Return an error response with a description of its own."""
    schema = "Gone" if status == 410 else "Error"
    response: dict[str, Any] = {"description": description, "content": json_content(schema)}
    if status in _ERROR_HEADERS:
        response["headers"] = _ERROR_HEADERS[status]
    return response


_ERRORS = {
    400: ("InvalidRequest", "The body, a header or the query is wrong; `details` has the members."),
    401: ("NotAuthenticated", "The request has no token, or an unknown one."),
    402: ("OverBudget", "The workspace's budget is used up."),
    403: ("HostRefused", "The Host header names a host that this server does not serve."),
    404: ("NotFound", "This workspace has nothing with that name or id."),
    408: ("TooSlow", "The body did not arrive within the time limit."),
    409: ("IdempotencyConflict", "The Idempotency-Key was used for a different request."),
    410: ("ModelUnavailable", "The model has passed its sunset."),
    413: ("BodyTooLarge", "The body has more bytes than this server accepts."),
    415: ("UnsupportedMediaType", "The body is of a type that this route does not accept."),
    429: (
        "TooManyRequests",
        "The workspace has too many waiting jobs, or too many wrong tokens came from this address.",
    ),
    503: ("Unavailable", "The server is going down, or not ready; try again in a moment."),
    507: ("StorageFull", "The disk has no room for new work."),
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "The seconds to wait before the next request.",
        "schema": {"type": "integer"},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
_ERROR_HEADERS = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}


def _header_parameter(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


HEADER_PARAMETERS: dict[str, Any] = {
    "X-Webhook-URL": _header_parameter(
        "X-Webhook-URL",
        "The URL that the job is posted to, signed, when it has ended. Addresses of private "
        "networks may be refused.",
        {"type": "string", "format": "uri", "pattern": "^https?://"},
    ),
    "X-Webhook-Events": _header_parameter(
        "X-Webhook-Events",
        "The events that `X-Webhook-URL` gets, with commas between: `job.completed`, "
        "`job.failed`, `job.cancelled` (these three by default), `job.backlogged`, "
        "`job.started`, `job.progress`. Needs `X-Webhook-URL`.",
        {"type": "string", "examples": ["job.started,job.progress,job.completed"]},
    ),
    "Idempotency-Key": _header_parameter(
        "Idempotency-Key",
        "A request with the same key creates no second job and gets the first one's response.",
        {
            "type": "string",
            "minLength": 1,
            "maxLength": IDEMPOTENCY_KEY_LENGTH_MAX,
            "pattern": "^[!-~]+$",
        },
    ),
    "X-Ringback-Priority": _header_parameter(
        "X-Ringback-Priority",
        f"From -{PRIORITY_MAX} to {PRIORITY_MAX}; of the jobs of a workspace the one with the "
        "higher number runs first.",
        {"type": "integer", "minimum": -PRIORITY_MAX, "maximum": PRIORITY_MAX, "default": 0},
    ),
    "Prefer": _header_parameter(
        "Prefer",
        f"`wait=N` delays the response until the job has ended, for at most N seconds and at "
        f"most {WAIT_MAX_S}.",
        {"type": "string", "examples": ["wait=10"]},
    ),
}
"""Request headers, by their names."""

ERROR_RESPONSES = {
    name: error_response(status, description) for status, (name, description) in _ERRORS.items()
}
"""Error responses, by their names."""
