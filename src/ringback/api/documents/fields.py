"""Types of fields that several documents share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from ringback.wire.document import iso_time

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Url = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Count = Annotated[int, Meta(ge=0)]
NextCursor = Annotated[
    str | None, Meta(description="Send it as `cursor` for the next page; null on the last.")
]


class Success(Struct, frozen=True, kw_only=True):
    """Confirmation that the operation is done."""

    success: bool


class Deleted(Struct, frozen=True, kw_only=True):
    """Confirmation of a deletion, with a message."""

    message: str
    success: bool


class Empty(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object without members: the operation is done."""


def time_or_null(at_ms: int | None) -> str | None:
    """Return a time in ISO 8601, or None."""
    return None if at_ms is None else iso_time(at_ms)
