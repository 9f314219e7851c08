"""Decides the deliveries of an event: pure, called inside the store's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from ringback.egress.url import parse_target
from ringback.jobs.model import Job
from ringback.jobs.requested_faults import parse_faults
from ringback.webhooks.endpoints import Endpoint, is_listener
from ringback.webhooks.events import TERMINAL_EVENTS, Event
from ringback.webhooks.model import Delivery


def owed_for(
    event: Event, *, job: Job, endpoints: Iterable[Endpoint], new_id: Callable[[], str]
) -> list[Delivery]:
    """Return the deliveries that an event of a job owes, due at once."""
    owed = []
    if job.webhook_url is not None and event.type in (job.webhook_events or TERMINAL_EVENTS):
        owed.append(delivery_to(job.webhook_url, event, delivery_id=new_id(), lab=job.lab))
    for endpoint in endpoints:
        if endpoint.wants(event.type, job.model):
            owed.append(delivery_for(endpoint, event, delivery_id=new_id(), lab=job.lab))
    return owed


def delivery_for(
    endpoint: Endpoint, event: Event, *, delivery_id: str, lab: str | None = None
) -> Delivery:
    """Return the delivery of an event to an endpoint, due at once."""
    return delivery_to(
        endpoint.url, event, delivery_id=delivery_id, endpoint_id=endpoint.endpoint_id, lab=lab
    )


def delivery_to(
    url: str,
    event: Event,
    *,
    delivery_id: str,
    endpoint_id: str | None = None,
    lab: str | None = None,
) -> Delivery:
    """Return the delivery of an event to a URL, due at once."""
    return Delivery(
        delivery_id=delivery_id,
        workspace_id=event.workspace_id,
        job_id=event.job_id,
        event=event.type,
        engine=event.engine,
        url=url,
        destination=origin_of(url),
        body=event.body,
        created_at_ms=event.created_at_ms,
        endpoint_id=endpoint_id,
        lab=lab,
        round_started_at_ms=event.created_at_ms,
        next_attempt_at_ms=event.created_at_ms + _delay_ms(lab),
    )


@lru_cache(maxsize=256)
def _delay_ms(lab: str | None) -> int:
    return 0 if lab is None else parse_faults(lab).delay_ms


@lru_cache(maxsize=4096)
def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL that was checked before; a listener is its own."""
    return url if is_listener(url) else parse_target(url).origin
