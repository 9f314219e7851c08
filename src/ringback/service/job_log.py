"""Logs the beginning and the end of jobs, for people who watch a server."""

from __future__ import annotations

import logging

from ringback.jobs.model import Job
from ringback.jobs.store import Accepted
from ringback.log import get_logger

log = get_logger(__name__)


class JobLog:
    """Logs jobs at the level ``debug``, and costs next to nothing when that is not written."""

    def __init__(self) -> None:
        # Read once: a log call that writes nothing costs as much as signing, for each job.
        self._is_on = log.is_enabled_for(logging.DEBUG)

    def submitted(self, accepted: Accepted) -> None:
        """Log that a job was accepted, unless an earlier submission of its key made it."""
        if self._is_on and not accepted.replayed:
            job = accepted.job
            log.debug("job_submitted", job_id=job.job_id, model=job.model, status=job.status.value)

    def ended(self, job: Job, *, now_ms: int) -> None:
        """Log that a job has ended, with its result's error if it has one."""
        if self._is_on:
            log.debug(
                "job_ended",
                job_id=job.job_id,
                model=job.model,
                status=job.status.value,
                duration_ms=now_ms - job.created_at_ms,
                error=None if job.result is None else job.result.error,
            )
