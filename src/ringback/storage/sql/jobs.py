"""Jobs."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

from ringback.jobs.model import Job
from ringback.jobs.queue import Accepted, JobFilter, StepSubmission, Submission
from ringback.jobs.turns import next_turn
from ringback.storage.sql import job_verbs, step_verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import job_from

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlJobs(SqlBase):
    """A ``JobQueue``."""

    @cached_property
    def _turns(self) -> dict[str, str]:
        """Behind which workspace the next claim of an engine begins."""
        return {}

    async def submit(self, submission: Submission) -> Accepted:
        """Write a new job within its workspace's limits."""
        accepted: Accepted = await self._call(job_verbs.submit, submission)
        return accepted

    async def forget_keys(self, *, used_before_ms: int, limit: int) -> int:
        """Delete idempotency keys that were used before then; returns how many."""
        return len(
            await self._write("jobs.forget_keys", used_before_ms=used_before_ms, limit=limit)
        )

    async def claim_jobs(
        self,
        *,
        engine: str,
        limit: int,
        worker_id: str,
        lease_until_ms: int,
        models: tuple[str, ...] = (),
    ) -> list[Job]:
        """Take the longest-queued jobs of an engine."""
        wish = job_verbs.ClaimJobs(
            engine=engine,
            limit=limit,
            worker_id=worker_id,
            lease_until_ms=lease_until_ms,
            after=self._turns.get(engine, ""),
            models=models,
        )
        claimed: list[Job] = await self._call(job_verbs.claim_jobs, wish)
        counts = Counter(job.workspace_id for job in claimed)
        self._turns[engine] = next_turn(wish.after, counts)
        return claimed

    async def hold_job(self, job: Job, *, lease_until_ms: int) -> bool:
        """Write where a held job stands and extend its lease."""
        return bool(await self._call(job_verbs.hold_jobs, (job, lease_until_ms)))

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        """Extend the lease of a held job."""
        return bool(await self._call(job_verbs.extend_leases, (job, lease_until_ms)))

    async def requeue_job(self, job: Job) -> bool:
        """Give a held job back to the queue."""
        return bool(await self._call(job_verbs.requeue_jobs, job))

    async def expired_jobs(self, *, now_ms: int, limit: int) -> list[Job]:
        """Return held jobs whose lease is over."""
        rows = await self._read("jobs.expired_jobs", now_ms=now_ms, limit=limit)
        return [job_from(row) for row in rows]

    async def get_job(self, job_id: str) -> Job | None:
        """Return the job with that id, or None."""
        rows = await self._read("jobs.get_job", job_id=job_id)
        return job_from(rows[0]) if rows else None

    async def list_jobs(self, wanted: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""
        types, status = wanted.types, wanted.status
        if status is not None and not status.is_terminal:
            # Bounded by what a workspace may have pending, so they are looked through.
            statement = "jobs.list_pending"
            asked = {"status": status.value, "types": list(types) if types else None}
            places: list[dict[str, Any]] = [asked]
        elif status is not None:
            types = types or await self._types_of(wanted.workspace_id)
            statement, places = (
                "jobs.list_ended",
                [{"type": t, "status": status.value} for t in types],
            )
        elif types:
            statement, places = "jobs.list_of_type", [{"type": t} for t in types]
        else:
            statement, places = "jobs.list_jobs", [{}]
        bounds = {
            "workspace_id": wanted.workspace_id,
            "before_id": wanted.before_id or _ID_AFTER_ALL,
            "limit": wanted.limit,
        }
        found = [
            job_from(row)
            for place in places
            for row in await self._scan(statement, **bounds, **place)
        ]
        found.sort(key=lambda job: job.job_id, reverse=True)
        return found[: wanted.limit]

    async def _types_of(self, workspace_id: str) -> tuple[str, ...]:
        rows = await self._scan("jobs.types_of", workspace_id=workspace_id)
        return tuple(row[0] for row in rows)

    async def queued_engines(self) -> list[str]:
        """Return the engines that have queued jobs."""
        return [row[0] for row in await self._read("jobs.queued_engines")]

    async def submit_step(self, submission: StepSubmission) -> Job | None:
        """Write a run's step, once, when there is room for it."""
        begun: Job | None = await self._call(step_verbs.submit_steps, submission)
        return begun

    async def steps_of(self, run_id: str) -> list[Job]:
        """Return the steps of a run that are jobs by now, oldest first."""
        return [job_from(row) for row in await self._read("steps.steps_of", run_id=run_id)]

    async def stray_steps(self, *, limit: int) -> list[Job]:
        """Return steps that have not ended, though their run has."""
        return [job_from(row) for row in await self._read("steps.stray_steps", limit=limit)]
