"""What servers say of jobs, as frozen structs that tolerate members they do not know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

TERMINAL_STATUSES = frozenset({"completed", "failed", "cancelled"})


class JobDocument(Struct, frozen=True, kw_only=True):
    """A job, as its server describes it in answers and webhooks.

    ``status`` is a string and not an enum: a server may know states that this library does not,
    and each of them is pending unless it is one of the three terminal ones.
    """

    job_id: str
    status: str
    created_at: datetime | None = None
    completed_at: datetime | None = None
    result: dict[str, Any] | None = None
    type: str | None = None
    engine: str | None = None
    model: str | None = None
    progress: float | None = None

    @property
    def is_terminal(self) -> bool:
        """Say whether the job has ended."""
        return self.status in TERMINAL_STATUSES

    @property
    def urls(self) -> tuple[str, ...]:
        """Return where the results are: none before there are any, or after a failure."""
        found = (self.result or {}).get("urls")
        if isinstance(found, dict):  # a node app names its outputs
            found = list(found.values())
        return (
            tuple(url for url in found if isinstance(url, str)) if isinstance(found, list) else ()
        )

    @property
    def error(self) -> str | None:
        """Return why the job failed or was cancelled, in a sentence; None for any other."""
        found = (self.result or {}).get("error")
        return found if isinstance(found, str) else None

    @property
    def style_id(self) -> str | None:
        """Return the style that a training made."""
        found = (self.result or {}).get("style_id")
        return found if isinstance(found, str) else None


def job_document(body: bytes | str) -> JobDocument:
    """Return the job that a body of JSON describes; ``msgspec.ValidationError`` if it is none."""
    return msgspec.json.decode(body, type=JobDocument)
