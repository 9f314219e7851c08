"""Builders of valid values; a test overrides the fields that it checks."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

from msgspec.structs import replace

from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.jobs.store import Idempotency, Submission
from ringback.service import GenerationRequest
from ringback.service.secrets import Seals
from ringback.signing.rotation import SigningKey, workspace_owner
from ringback.storage.contract import Store, Workspace
from ringback.storage.sqlite import IdFactory
from ringback.webhooks.endpoints import Endpoint, listener_url
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import delivery_to
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
    """Return a request of a client in the workspace ``studio``."""
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


def an_event(job: Job, **changes: Any) -> Event:
    """Return the event of a job that has completed."""
    event = Event(
        event_id=_ids.uuid7(),
        workspace_id=job.workspace_id,
        job_id=job.job_id,
        type=EventType.JOB_COMPLETED,
        engine=job.engine,
        model=job.model,
        created_at_ms=job.created_at_ms,
        body=b'{"job_id":"x"}',
    )
    return replace(event, **changes)


def an_endpoint(**changes: Any) -> Endpoint:
    """Return an endpoint of the workspace ``studio`` that is told of the three ends."""
    endpoint = Endpoint(
        endpoint_id=_ids.uuid7(),
        workspace_id="studio",
        url="https://shop.example/all",
        destination="https://shop.example:443",
        created_at_ms=next(_times),
    )
    return replace(endpoint, **changes)


def a_listener(name: str = "ed", **changes: Any) -> Endpoint:
    """Return a listener of the workspace ``studio``."""
    url = listener_url(name)
    known = {"url": url, "destination": url, "listener": name, "heard_at_ms": 1}
    return an_endpoint(**{**known, **changes})


def a_delivery(job: Job, **changes: Any) -> Delivery:
    """Return the delivery of a job, due at once."""
    event = an_event(job)
    delivery = delivery_to("https://shop.example/webhook", event, delivery_id=_ids.uuid7())
    return replace(delivery, **changes)


def a_key(secret: str = "whsec_AAAA", **changes: Any) -> SigningKey:
    """Return a signing key that is not sealed."""
    key = SigningKey(key_id=_ids.uuid7(), kind="v1", sealed=secret, created_at_ms=1)
    return replace(key, **changes)


def an_id_factory() -> IdFactory:
    """Return a store's factory of delivery ids, with repeatable ids."""
    return IdFactory(new_id=_ids.uuid7)


class PlainSeals:
    """Seals nothing, for tests that are not about sealing."""

    def seal(self, secret: str, *, owner: str) -> str:
        return secret

    def unseal(self, sealed: str, *, owner: str) -> str:
        return sealed

    def reseal(self, stored: str, *, owner: str) -> str:
        return stored


async def open_workspaces(
    store: Store, *names: str, secret: str = "whsec_AAAA", seals: Seals | None = None
) -> None:
    """Make workspaces, each with a key of that secret; it is plain without seals."""
    seals = seals or PlainSeals()
    for name in names:
        workspace = Workspace(workspace_id=name, created_at_ms=1)
        sealed = seals.seal(secret, owner=workspace_owner(name))
        await store.open_workspace(workspace, a_key(sealed))
