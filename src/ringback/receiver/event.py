"""What a genuine webhook says. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ringback.client.models import TERMINAL_STATUSES, JobDocument
from ringback.receiver.errors import Malformed
from ringback.receiver.verification import Signed

_PASSING = ("job.started", "job.progress", "job.backlogged")


class WebhookEvent(Struct, frozen=True, kw_only=True):
    """Something that a sender told of, and whose signature was right.

    ``type`` comes from the signed body: ``job.completed`` and its like for a job that has ended,
    the body's ``type`` for any other sender's. ``job`` is None when the body describes none.
    """

    webhook_id: str
    type: str
    timestamp_s: int
    attempt: int = 1
    job: JobDocument | None = None
    body: bytes = b""

    @property
    def key(self) -> str:
        """Return what there is once: the end of a job, however it is told, or this webhook."""
        if self.job is not None and self.job.is_terminal:
            return f"end:{self.job.job_id}"
        return f"id:{self.webhook_id}"

    @property
    def document(self) -> Any:
        """Return the body's JSON."""
        return msgspec.json.decode(self.body)


def event_of(signed: Signed, body: bytes) -> WebhookEvent:
    """Return the event in the body of a genuine request, or raise ``Malformed``."""
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed("The body is signed, and yet no JSON.") from exc
    job = _job(document)
    return WebhookEvent(
        webhook_id=signed.webhook_id,
        type=_type(document, job, signed.event),
        timestamp_s=signed.timestamp_s,
        attempt=signed.attempt,
        job=job,
        body=body,
    )


def event_of_job(job: JobDocument, body: bytes, *, at_s: int) -> WebhookEvent:
    """Return the event of a job's end that no webhook told of, but a look at the server."""
    return WebhookEvent(
        webhook_id=f"reconciled-{job.job_id}",
        type=f"job.{job.status}",
        timestamp_s=at_s,
        job=job,
        body=body,
    )


def _job(document: Any) -> JobDocument | None:
    if not isinstance(document, dict) or "job_id" not in document:
        return None
    try:
        return msgspec.convert(document, JobDocument)
    except msgspec.ValidationError:
        return None


def _type(document: Any, job: JobDocument | None, header: str | None) -> str:
    if job is not None:
        if job.status in TERMINAL_STATUSES:
            return f"job.{job.status}"
        # Which news of a pending job it is stands in a header alone, which nobody signed.
        return header if header in _PASSING else "job.updated"
    named = document.get("type") if isinstance(document, dict) else None
    return named if isinstance(named, str) and 0 < len(named) <= 200 else "unknown"
