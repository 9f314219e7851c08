"""Valid things by default; a test overrides what it is about."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

from msgspec.structs import replace

from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.jobs.queue import Idempotency, Submission
from ringback.service import GenerationRequest
from ringback.webhooks.model import Delivery

_times = count(1_700_000_000_000)
_ids = Ids(lambda: next(_times), random.Random(7).getrandbits)

ROOMY = Limits(active_max=1_000, backlog_max=1_000)


def a_job(**changes: Any) -> Job:
    """Return a queued job of the workspace ``studio``."""
    job_id = _ids.uuid7()
    job = Job(
        job_id=job_id,
        workspace_id="studio",
        kind="image",
        model="bfl/flux-1-dev",
        type="flux",
        engine="null",
        input={"prompt": "a red fox in snow"},
        created_at_ms=int(job_id.replace("-", "")[:12], 16),
        base_url="http://127.0.0.1:7464",
    )
    return replace(job, **changes)


def a_submission(
    job: Job | None = None, *, limits: Limits = ROOMY, key: str | None = None, asks: str = "a"
) -> Submission:
    """Return the submission of a job, under an idempotency key if one is given."""
    return Submission(
        job=job or a_job(),
        limits=limits,
        idempotency=None
        if key is None
        else Idempotency(key=key, fingerprint=asks, kept_since_ms=0),
    )


def a_request(**changes: Any) -> GenerationRequest:
    """Return what a client of the workspace ``studio`` asks for."""
    request = GenerationRequest(
        workspace_id="studio",
        kind="image",
        model="bfl/flux-1-dev",
        type="flux",
        engine="null",
        input={"prompt": "a red fox in snow"},
        base_url="http://127.0.0.1:7464",
    )
    return replace(request, **changes)


def a_delivery(job: Job, **changes: Any) -> Delivery:
    """Return the delivery of a job, due at once."""
    delivery = Delivery(
        delivery_id=_ids.uuid7(),
        workspace_id=job.workspace_id,
        job_id=job.job_id,
        event="job.completed",
        engine=job.engine,
        url="https://shop.example/webhook",
        destination="https://shop.example:443",
        body=b'{"job_id":"x"}',
        created_at_ms=job.created_at_ms,
        next_attempt_at_ms=job.created_at_ms,
    )
    return replace(delivery, **changes)
