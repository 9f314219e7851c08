"""The roots of the tree."""

from __future__ import annotations

from dataclasses import dataclass


class RingbackError(Exception):
    """Anything that Ringback raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where it is (``/width``, or ``header:X-Webhook-URL``) and what broke."""

    path: str
    message: str


class CallerError(RingbackError):
    """A request that cannot be served as it is; ``code`` is stable and snake_case."""

    code = "bad_request"
