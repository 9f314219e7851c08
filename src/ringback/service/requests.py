"""What a client asks for, as the verbs take it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from ringback.jobs.model import Job


class GenerationRequest(Struct, frozen=True, kw_only=True):
    """What a client asks for; the input has been validated and the target judged."""

    workspace_id: str
    kind: str
    model: str
    type: str
    engine: str
    input: dict[str, Any]
    base_url: str
    webhook_url: str | None = None
    webhook_events: tuple[str, ...] = ()  # empty: the three ends
    idempotency_key: str | None = None
    lab: str | None = None
    priority: int = 0
    compute_units: float | None = None  # what it costs if it completes
    token_id: str | None = None  # that asks for it

    @property
    def fingerprint(self) -> str:
        """What two requests under one idempotency key must have in common, as a digest."""
        asked = (self.kind, self.model, self.input, self.webhook_url, *self.webhook_events)
        return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()

    def job(self, *, job_id: str, now_ms: int) -> Job:
        """Return the job that this asks for."""
        return Job(
            job_id=job_id,
            workspace_id=self.workspace_id,
            kind=self.kind,
            model=self.model,
            type=self.type,
            engine=self.engine,
            input=self.input,
            created_at_ms=now_ms,
            base_url=self.base_url,
            webhook_url=self.webhook_url,
            webhook_events=self.webhook_events,
            lab=self.lab,
            priority=self.priority,
            compute_units=self.compute_units,
            token_id=self.token_id,
        )
