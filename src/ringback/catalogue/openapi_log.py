"""The operations of the delivery log, the feed and destinations, as the description has them."""

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
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_MS_OR_NULL: Schema = {"type": ["number", "null"], "minimum": 0}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_HEADERS: Schema = {
    "type": "array",
    "description": "Name and value of each, as they came.",
    "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
}

_STATUSES = ("waiting", "delivered", "exhausted", "discarded", "cancelled")

_DELIVERY: dict[str, Schema] = {
    "delivery_id": {"type": "string", "description": "Its `webhook-id`."},
    "status": {"type": "string", "enum": list(_STATUSES)},
    "event": {"type": "string", "description": "What it tells of, like `job.completed`."},
    "job_id": _TEXT_OR_NULL,
    "endpoint_id": {**_TEXT_OR_NULL, "description": "Null: the URL came with the job."},
    "url": _TEXT,
    "destination": {"type": "string", "description": "The URL's scheme, host and port."},
    "reason": {**_TEXT_OR_NULL, "description": "Why the last attempt failed, if it did."},
    "attempts_count": _COUNT,
    "created_at": _TIME,
    "next_attempt_at": _TIME_OR_NULL,
    "ended_at": _TIME_OR_NULL,
}
_ATTEMPT: dict[str, Schema] = {
    "number": {"type": "integer", "minimum": 1},
    "started_at": _TIME,
    "duration_ms": _COUNT,
    "timings": object_schema(
        {name: _MS_OR_NULL for name in ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")},
        ["dns_ms", "connect_ms", "tls_ms", "first_byte_ms"],
        "Where the time went; null for a step that did not happen.",
    ),
    "address": {**_TEXT_OR_NULL, "description": "The IP address that was called."},
    "reused_connection": {"type": "boolean"},
    "request_headers": _HEADERS,
    "status_code": {"type": ["integer", "null"]},
    "reason": _TEXT_OR_NULL,
    "response_headers": _HEADERS,
    "response": {"type": "string", "description": "The beginning of the answer's body."},
    "response_encoding": {"type": "string", "enum": ["utf-8", "base64"]},
    "response_truncated": {"type": "boolean"},
}
_CURSOR_OR_NULL: Schema = {
    **_TEXT_OR_NULL,
    "description": "Send it as `cursor` for the next page; null on the last. A page may have few "
    "items, or none, and be followed by another.",
}


def _page(schema_name: str, description: str) -> Schema:
    return object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", schema_name)},
            "next_cursor": _CURSOR_OR_NULL,
        },
        ["items", "next_cursor"],
        description,
    )


LOG_SCHEMAS: dict[str, Schema] = {
    "Delivery": object_schema(
        _DELIVERY, list(_DELIVERY), "One event's duty to arrive at one webhook URL."
    ),
    "WholeDelivery": object_schema(
        {
            **_DELIVERY,
            "body": {"type": "string", "description": "What is sent, byte for byte."},
            "attempts": {"type": "array", "items": reference("schemas", "Attempt")},
        },
        [*_DELIVERY, "body", "attempts"],
        "A delivery with its body and every attempt.",
    ),
    "Attempt": object_schema(_ATTEMPT, list(_ATTEMPT), "One POST of a delivery."),
    "DeliveryPage": _page("Delivery", "Deliveries, newest first."),
    "Explanation": object_schema(
        {
            "delivery_id": _TEXT,
            "sentences": {"type": "array", "items": _TEXT, "minItems": 1},
            "codes": {"type": "array", "items": _TEXT, "minItems": 1},
            "moves_at": {**_TIME_OR_NULL, "description": "When it can move, where that is known."},
        },
        ["delivery_id", "sentences", "codes", "moves_at"],
        "Why a delivery is where it is: a stable code for each sentence.",
    ),
    "Destination": object_schema(
        {
            "destination": _TEXT,
            "paused_at": {**_TIME_OR_NULL, "description": "When a person paused it."},
            "breaker": object_schema(
                {
                    "state": {"type": "string", "enum": ["closed", "open", "probing"]},
                    "failures_count": {**_COUNT, "description": "In a row."},
                    "open_until": _TIME_OR_NULL,
                },
                ["state", "failures_count", "open_until"],
                "Closed, it takes what there is; open, it is left alone for a while.",
            ),
            "next_due_at": _TIME_OR_NULL,
            "waiting_count": {**_COUNT, "description": "Counted to 1,000 and no further."},
        },
        ["destination", "paused_at", "breaker", "next_due_at", "waiting_count"],
        "A scheme, host and port that deliveries go to, and how it fares.",
    ),
    "DestinationPage": _page("Destination", "Destinations, by name."),
    "Event": object_schema(
        {
            "cursor": {"type": "string", "description": "Send it as `after` to go on from here."},
            "event_id": _TEXT,
            "type": _TEXT,
            "job_id": _TEXT_OR_NULL,
            "created_at": _TIME,
            "webhook_ids": {
                "type": "array",
                "items": _TEXT,
                "description": "Under which it is delivered; empty if nobody was owed it.",
            },
            "body": {"type": "string", "description": "What its webhooks carry, byte for byte."},
        },
        ["cursor", "event_id", "type", "job_id", "created_at", "webhook_ids", "body"],
        "Something that happened.",
    ),
    "Events": object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", "Event")},
            "next_cursor": {"type": "string", "description": "Send it as `after`; never null."},
        },
        ["items", "next_cursor"],
        "Events in the order in which they were committed.",
    ),
}

_DELIVERY_ID = {
    "name": "delivery_id",
    "in": "path",
    "required": True,
    "description": "The delivery's id: its `webhook-id`.",
    "schema": {"type": "string", "format": "uuid"},
}


def _conflict(description: str) -> dict[str, Any]:
    return {"409": {"description": description, "content": json_content("Error")}}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or _TEXT,
    }


def _operation(
    name: str,
    summary: str,
    schema_name: str,
    answers: dict[str, Any],
    *,
    tag: str = "Deliveries",
    **more: Any,
) -> dict[str, Any]:
    well = {"200": {"description": summary, "content": json_content(schema_name)}}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        **more,
        "responses": well | answers,
    }


_LIMIT = _query(
    "limit",
    "How many items a page has at most.",
    type="integer",
    minimum=1,
    maximum=1000,
    default=100,
)
_ID_PATTERN = "^[0-9A-Za-z_-]{1,80}$"
_SWITCH = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "destination": {"type": "string", "examples": ["https://shop.example"]}
                },
                "required": ["destination"],
                "additionalProperties": False,
            }
        }
    },
}
_SWITCH_ANSWERS = responses(400, 401, 403, 404, 413, 415, 507)

LOG_PATHS: dict[str, Any] = {
    "/deliveries": {
        "get": _operation(
            "list_deliveries",
            "List deliveries",
            "DeliveryPage",
            responses(400, 401, 403),
            description="Newest first. Parameters that are sent must all hold.",
            parameters=[
                _query("job_id", "Of this job.", type="string", pattern=_ID_PATTERN),
                _query("endpoint_id", "To this endpoint.", type="string", pattern=_ID_PATTERN),
                _query("destination", "To this scheme, host and port."),
                _query("status", "With this status.", type="string", enum=list(_STATUSES)),
                _query("reason", "Whose last attempt failed for this reason, like `timeout`."),
                _query("event", "Of this event, like `job.failed`."),
                _query("since", "Made at this time or later.", **_TIME),
                _query("before", "Made before this time.", **_TIME),
                _query("cursor", "The `next_cursor` of the page before."),
                _LIMIT,
            ],
        )
    },
    "/deliveries/{delivery_id}": {
        "parameters": [_DELIVERY_ID],
        "get": _operation(
            "get_delivery",
            "Look at a delivery and every attempt",
            "WholeDelivery",
            responses(401, 403, 404),
        ),
    },
    "/deliveries/{delivery_id}/redeliver": {
        "parameters": [_DELIVERY_ID],
        "post": _operation(
            "redeliver",
            "Deliver again",
            "Delivery",
            responses(401, 403, 404, 507)
            | _conflict("An attempt is in flight, or the endpoint is disabled or deleted."),
            description="The schedule begins anew: same `webhook-id`, same bytes, new signature.",
        ),
    },
    "/deliveries/{delivery_id}/cancel": {
        "parameters": [_DELIVERY_ID],
        "post": _operation(
            "cancel_delivery",
            "Cancel a delivery",
            "Delivery",
            responses(401, 403, 404, 507) | _conflict("It has ended."),
            description="An attempt that is in flight may still arrive.",
        ),
    },
    "/deliveries/{delivery_id}/explain": {
        "parameters": [_DELIVERY_ID],
        "get": _operation(
            "explain_delivery",
            "Say why a delivery is where it is",
            "Explanation",
            responses(401, 403, 404),
        ),
    },
    "/destinations": {
        "get": _operation(
            "list_destinations",
            "List destinations",
            "DestinationPage",
            responses(400, 401, 403),
            parameters=[_query("cursor", "The `next_cursor` of the page before."), _LIMIT],
            description="At most 100 to a page.",
        )
    },
    "/destinations/pause": {
        "post": _operation(
            "pause_destination",
            "Pause a destination",
            "Destination",
            _SWITCH_ANSWERS,
            requestBody=_SWITCH,
            description="Nothing more is claimed for it until it is resumed.",
        )
    },
    "/destinations/resume": {
        "post": _operation(
            "resume_destination",
            "Resume a destination",
            "Destination",
            _SWITCH_ANSWERS,
            requestBody=_SWITCH,
        )
    },
    "/events": {
        "get": _operation(
            "list_events",
            "Read the feed of events",
            "Events",
            responses(400, 401, 403)
            | {
                "200": {
                    "description": "Events, in the order of their commits.",
                    "content": {**json_content("Events"), "text/event-stream": {"schema": _TEXT}},
                },
                "429": {
                    "description": "The workspace has as many streams open as it may have.",
                    "content": json_content("Error"),
                    "headers": {
                        "Retry-After": {
                            "description": "In so many seconds.",
                            "schema": {"type": "integer"},
                        }
                    },
                },
            },
            tag="Events",
            description="With `Accept: text/event-stream` it is a stream of server-sent events.",
            parameters=[
                _query("after", "The cursor to go on from; `latest` is the newest event."),
                _query(
                    "wait",
                    "Seconds to wait for an event; of more than 60, 60 are waited.",
                    type="integer",
                    minimum=0,
                    maximum=999_999_999,
                ),
                _LIMIT,
            ],
        )
    },
}
"""Paths and operations, as the description has them."""
