"""Builds the events of jobs, and publishes interim events to the receivers that select them."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.clock import Clock
from ringback.errors import StorageError
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult
from ringback.log import get_logger, log_waiting
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event, EventType
from ringback.wire.document import job_document

log = get_logger(__name__)

PROGRESS_EVERY_S = 1.0
_ENDPOINTS_CACHED_S = 1.0
_WORKSPACES_MAX = 4_096

_encode = msgspec.json.Encoder().encode


class JobEventPublisher:
    """Publishes interim events where the job's webhook URL or an endpoint selects them.

    Interim events are less urgent than the end of a job: endpoints are cached for a second,
    progress is sent once a second, and an event is dropped when the disk is full.
    """

    def __init__(self, store: Store, *, clock: Clock, ids: Ids, wakeups: Wakeups) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._wakeups = wakeups
        self._endpoints: dict[str, tuple[list[Endpoint], float]] = {}
        self._progress_at: dict[str, float] = {}  # by job, oldest first

    async def publish(self, job: Job, event_type: EventType) -> None:
        """Publish an event of the job as it is, if a receiver selects it and it is not too soon."""
        if not await self._is_selected(job, event_type):
            return
        if event_type is EventType.JOB_PROGRESS and not self._may_send_progress(job.job_id):
            return
        event = event_of(job, event_type, event_id=self._ids.uuid7(), now_ms=self._clock.now_ms())
        try:
            if not await self._store.add_interim_event(job, event):
                return
        except StorageError as exc:
            # The job's own write has succeeded: an error here must not look like its failure.
            log_waiting(log, exc, job_id=job.job_id)
            return
        self._wakeups.deliveries.wake()
        self._wakeups.events.notify(job.workspace_id)

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._progress_at.pop(job_id, None)

    async def _is_selected(self, job: Job, event_type: EventType) -> bool:
        if job.webhook_url is not None and event_type in job.webhook_events:
            return True
        now = self._clock.monotonic()
        known = self._endpoints.get(job.workspace_id)
        if known is None or known[1] <= now:
            endpoints = await self._store.list_endpoints(job.workspace_id)
            if len(self._endpoints) >= _WORKSPACES_MAX:
                self._endpoints.clear()  # the cache fills again within a second
            known = self._endpoints[job.workspace_id] = (endpoints, now + _ENDPOINTS_CACHED_S)
        return any(endpoint.wants(event_type, job.model) for endpoint in known[0])

    def _may_send_progress(self, job_id: str) -> bool:
        """Say whether progress of a job may be sent now; if so, remember the time."""
        now = self._clock.monotonic()
        sent_at = self._progress_at.get(job_id)
        if sent_at is not None and now - sent_at < PROGRESS_EVERY_S:
            return False
        self._progress_at.pop(job_id, None)
        self._progress_at[job_id] = now
        # A job may end in another process, so old entries are dropped by age.
        while now - self._progress_at[oldest := next(iter(self._progress_at))] >= PROGRESS_EVERY_S:
            del self._progress_at[oldest]
        return True


def event_of(job: Job, event_type: EventType, *, event_id: str, now_ms: int) -> Event:
    """Return the event of a job in its current state.

    The event's time is the clock's, even where the clock was set back while the job ran and the
    job's own end was moved behind its start, because webhooks are due at the time of their event.
    """
    return Event(
        event_id=event_id,
        workspace_id=job.workspace_id,
        job_id=job.job_id,
        type=event_type,
        engine=job.engine,
        model=job.model,
        created_at_ms=now_ms,
        body=webhook_body(job, with_progress=event_type is EventType.JOB_PROGRESS),
    )


def webhook_body(job: Job, *, with_progress: bool = False) -> bytes:
    """Return the body of a job's webhook: the contract's five members, and progress on request."""
    document = job_document(
        job_id=job.job_id,
        status=job.status,
        created_at_ms=job.created_at_ms,
        completed_at_ms=job.completed_at_ms,
        result=None if job.result is None else result_document(job.result),
    )
    if with_progress:
        document["progress"] = round(job.progress, 4)
    return _encode(document)


def result_document(result: JobResult) -> dict[str, Any]:
    """Return a job's result in the form of the contract."""
    if result.error is not None:
        return {"error": result.error}
    shown: dict[str, Any] = {}
    if result.style_id is not None:
        shown["style_id"] = result.style_id
    if result.outputs is not None:
        shown["outputs"] = result.outputs
    # Clients expect a list of URLs; only trainings have none.
    if result.urls or not shown or result.outputs is not None:
        shown["urls"] = result.urls or ()
    if result.notes is not None:
        shown["notes"] = result.notes
    return shown
