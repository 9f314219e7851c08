"""Parameters that several tables of operations share."""

from __future__ import annotations

from ringback.api.operations import Parameter
from ringback.http.headers import WAIT_MAX_S
from ringback.http.query_params import LIMIT_DEFAULT, LIMIT_MAX
from ringback.http.schemas import Schema

UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}

SUBMISSION_HEADERS = (
    "X-Webhook-URL",
    "X-Webhook-Events",
    "Idempotency-Key",
    "X-Ringback-Priority",
    "Prefer",
)
NEXT = Parameter(name="cursor", description="The `next_cursor` of the page before.")


def cursor_before(made: str) -> Parameter:
    """Return the cursor parameter of a list in the order of creation."""
    description = f"The `next_cursor` of the page before, or an ISO 8601 time: {made} before."
    return Parameter(name="cursor", description=description)


def limit_of(items: str) -> Parameter:
    """Return the parameter that bounds a page."""
    return Parameter(
        name="limit",
        description=f"The largest number of {items} in a page.",
        schema={
            "type": "integer",
            "minimum": 1,
            "maximum": LIMIT_MAX,
            "default": LIMIT_DEFAULT,
        },
    )


def wait_for(event: str) -> Parameter:
    """Return the parameter that makes the server wait before it responds."""
    return Parameter(
        name="wait",
        description=f"Seconds to wait for {event}; more than {WAIT_MAX_S} count as {WAIT_MAX_S}.",
        schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
    )
