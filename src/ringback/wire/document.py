"""The public JSON document of a job, and times as it spells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


def iso_time(ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC, with milliseconds and ``Z``."""
    seconds, rest = divmod(ms, 1000)
    return f"{_iso_seconds(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=64)  # most rendered times are of the current second
def _iso_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def job_document(
    *,
    job_id: str,
    status: str,
    created_at_ms: int,
    completed_at_ms: int | None,
    result: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the five members that the contract gives a job, in its order.

    This is the webhook's body and the answer to a submission; other answers add members.
    """
    return {
        "job_id": job_id,
        "status": status,
        "created_at": iso_time(created_at_ms),
        "completed_at": None if completed_at_ms is None else iso_time(completed_at_ms),
        "result": result,
    }
