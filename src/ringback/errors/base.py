"""The base classes of Ringback's errors."""

from __future__ import annotations

from dataclasses import dataclass


class RingbackError(Exception):
    """Anything that Ringback raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field, by a JSON Pointer into the body, or like `header:X-Webhook-URL`."""

    path: str
    message: str


class CallerError(RingbackError):
    """A request that cannot be served as it is; ``code`` is stable and snake_case."""

    code = "bad_request"
