"""The event that the body of a genuine webhook describes. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ringback.client.models import TERMINAL_STATUSES, JobDocument
from ringback.receiver.errors import Malformed, NoJob
from ringback.receiver.verification import Signed

_INTERIM = ("job.started", "job.progress", "job.backlogged")


class WebhookEvent(Struct, frozen=True, kw_only=True):
    """An event from a webhook whose signature matched.

    ``type`` comes from the signed body: ``job.completed`` and its like for a job that has ended,
    the body's ``type`` for any other sender's. ``job_or_none`` is None when the body describes
    none, as that of ``endpoint.test`` does.
    """

    webhook_id: str
    type: str
    timestamp_s: int
    attempt: int = 1
    job_or_none: JobDocument | None = None
    body: bytes = b""

    @property
    def job(self) -> JobDocument:
        """Return the event's job; raises ``NoJob`` for an event that describes none."""
        if self.job_or_none is None:
            raise NoJob(f"A {self.type} event describes no job; job_or_none is None for it.")
        return self.job_or_none

    @property
    def key(self) -> str:
        """Return the key for deduplication: one per job's end, else one per webhook."""
        if self.ends_job:
            return f"end:{self.job.job_id}"
        return f"id:{self.webhook_id}"

    @property
    def ends_job(self) -> bool:
        """Return whether it is the terminal event of a job."""
        return self.job_or_none is not None and self.job_or_none.is_terminal

    @property
    def job_id(self) -> str | None:
        """Return the id of its job, or None for an event that describes none."""
        return None if self.job_or_none is None else self.job_or_none.job_id

    @property
    def document(self) -> Any:
        """Return the body's JSON."""
        return msgspec.json.decode(self.body)


def event_of(signed: Signed, body: bytes) -> WebhookEvent:
    """Return the event in the body of a genuine request, or raise ``Malformed``."""
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed("The body is signed, but it is not JSON.") from exc
    job = _job(document)
    return WebhookEvent(
        webhook_id=signed.webhook_id,
        type=_type(document, job, signed.event),
        timestamp_s=signed.timestamp_s,
        attempt=signed.attempt,
        job_or_none=job,
        body=body,
    )


def event_of_job(job: JobDocument, body: bytes, *, at_s: int) -> WebhookEvent:
    """Return the event of a job's end that was read from the server instead of a webhook."""
    return WebhookEvent(
        webhook_id=f"reconciled-{job.job_id}",
        type=f"job.{job.status}",
        timestamp_s=at_s,
        job_or_none=job,
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
        # The type of an interim event is only in a header, which is not signed.
        return header if header in _INTERIM else "job.updated"
    named = document.get("type") if isinstance(document, dict) else None
    return named if isinstance(named, str) and 0 < len(named) <= 200 else "unknown"
