"""Telling of jobs: what their events say, and who is told while they run."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import StorageFull
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult
from ringback.log import get_logger
from ringback.storage.contract import Store
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event, EventType
from ringback.wire.document import job_document

log = get_logger(__name__)

PROGRESS_EVERY_S = 1.0
_LISTENERS_KEPT_S = 1.0
_WORKSPACES_MAX = 4_096

_encode = msgspec.json.Encoder().encode


class Teller:
    """Tells of jobs that have not ended, where a job's own URL or an endpoint asks for it.

    Nobody waits for these events as for a job's end: who asks for them is looked up once a second,
    progress is told once a second, and what finds no room on the disk is not told.
    """

    def __init__(self, store: Store, *, clock: Clock, ids: Ids, bells: Bells) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._bells = bells
        self._listeners: dict[str, tuple[list[Endpoint], float]] = {}
        self._progress_at: dict[str, float] = {}  # by job, the longest ago first

    async def tell(self, job: Job, event_type: EventType) -> None:
        """Tell of the job as it now is, if anybody asks for that and it is not too soon."""
        if not await self._is_asked_for(job, event_type):
            return
        if event_type is EventType.JOB_PROGRESS and not self._is_time(job.job_id):
            return
        event = event_of(job, event_type, event_id=self._ids.uuid7(), now_ms=self._clock.now_ms())
        try:
            if not await self._store.tell(job, event):
                return
        except StorageFull:
            # The job itself is written, and whoever wrote it must not believe that it is not.
            log.warning("storage_full", job_id=job.job_id)
            return
        self._bells.owed.ring()
        self._bells.told.tell(job.workspace_id)

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._progress_at.pop(job_id, None)

    async def _is_asked_for(self, job: Job, event_type: EventType) -> bool:
        if job.webhook_url is not None and event_type in job.webhook_events:
            return True
        now = self._clock.monotonic()
        known = self._listeners.get(job.workspace_id)
        if known is None or known[1] <= now:
            endpoints = await self._store.list_endpoints(job.workspace_id)
            if len(self._listeners) >= _WORKSPACES_MAX:
                self._listeners.clear()  # it fills again within a second
            known = self._listeners[job.workspace_id] = (endpoints, now + _LISTENERS_KEPT_S)
        return any(endpoint.wants(event_type, job.model) for endpoint in known[0])

    def _is_time(self, job_id: str) -> bool:
        """Say whether progress of a job may be told now, and remember that it is."""
        now = self._clock.monotonic()
        told_at = self._progress_at.get(job_id)
        if told_at is not None and now - told_at < PROGRESS_EVERY_S:
            return False
        self._progress_at.pop(job_id, None)
        self._progress_at[job_id] = now
        # Jobs may end in another process: those that were told of long ago are let go of.
        while now - self._progress_at[oldest := next(iter(self._progress_at))] >= PROGRESS_EVERY_S:
            del self._progress_at[oldest]
        return True


def event_of(job: Job, event_type: EventType, *, event_id: str, now_ms: int) -> Event:
    """Return the event of a job as it now is."""
    return Event(
        event_id=event_id,
        workspace_id=job.workspace_id,
        job_id=job.job_id,
        type=event_type,
        engine=job.engine,
        model=job.model,
        created_at_ms=job.completed_at_ms or now_ms,
        body=webhook_body(job, with_progress=event_type is EventType.JOB_PROGRESS),
    )


def webhook_body(job: Job, *, with_progress: bool = False) -> bytes:
    """Return the body of a job's webhook: the contract's five members, or one more."""
    document = job_document(
        job_id=job.job_id,
        status=job.status,
        created_at_ms=job.created_at_ms,
        completed_at_ms=job.completed_at_ms,
        result=result_document(job.result),
    )
    if with_progress:
        document["progress"] = round(job.progress, 4)
    return _encode(document)


def result_document(result: JobResult | None) -> dict[str, Any] | None:
    """Return a job's result as the contract shows it."""
    if result is None:
        return None
    if result.error is not None:
        return {"error": result.error}
    shown: dict[str, Any] = {}
    if result.style_id is not None:
        shown["style_id"] = result.style_id
    if result.outputs is not None:
        shown["outputs"] = result.outputs
    # Programs that read the URLs find a list, but for trainings, which have none.
    if result.urls or not shown or result.outputs is not None:
        shown["urls"] = result.urls or ()
    return shown
