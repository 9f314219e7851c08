"""The store of jobs, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import cached_property
from typing import Any

from ringback.jobs.fairness import next_turn
from ringback.jobs.model import Job
from ringback.jobs.store import Accepted, JobFilter, StepSubmission, Submission
from ringback.storage.mapping.rows import job_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import jobs, steps
from ringback.storage.transactions.submit import submit

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlJobs(SqlBase):
    """A ``JobStore``."""

    @cached_property
    def _turns(self) -> dict[str, str]:
        """The workspace behind which the next claim of an engine begins."""
        return {}

    async def submit(self, submission: Submission) -> Accepted:
        return await self._call(submit, submission)

    async def forget_keys(self, *, used_before_ms: int, limit: int) -> int:
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
        full: Collection[str] = (),
        each_max: int | None = None,
        passed_over: Collection[str] = (),
    ) -> list[Job]:
        request = jobs.ClaimJobs(
            engine=engine,
            limit=limit,
            worker_id=worker_id,
            lease_until_ms=lease_until_ms,
            after=self._turns.get(engine, ""),
            models=models,
            full=tuple(full),
            each_max=each_max,
            passed_over=tuple(passed_over),
        )
        claimed = await self._call(jobs.claim_jobs, request)
        counts = Counter(job.workspace_id for job in claimed)
        self._turns[engine] = next_turn(request.after, counts)
        return claimed

    async def hold_job(self, job: Job, *, lease_until_ms: int) -> bool:
        return bool(await self._call(jobs.hold_jobs, (job, lease_until_ms)))

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        return bool(await self._call(jobs.extend_leases, (job, lease_until_ms)))

    async def requeue_job(self, job: Job) -> bool:
        return bool(await self._call(jobs.requeue_jobs, job))

    async def expired_jobs(self, *, now_ms: int, limit: int) -> list[Job]:
        rows = await self._read("jobs.expired_jobs", now_ms=now_ms, limit=limit)
        return [job_from(row) for row in rows]

    async def get_job(self, job_id: str) -> Job | None:
        rows = await self._read("jobs.get_job", job_id=job_id)
        return job_from(rows[0]) if rows else None

    async def list_jobs(self, selection: JobFilter) -> list[Job]:
        types, status = selection.types, selection.status
        if status is not None and not status.is_terminal:
            # A workspace's pending jobs are bounded, so all of them are read.
            statement = "jobs.list_pending"
            bindings = {"status": status.value, "types": list(types) if types else None}
            parts: list[dict[str, Any]] = [bindings]
        elif status is not None:
            types = types or await self._types_of(selection.workspace_id)
            statement, parts = (
                "jobs.list_ended",
                [{"type": t, "status": status.value} for t in types],
            )
        elif types:
            statement, parts = "jobs.list_of_type", [{"type": t} for t in types]
        else:
            statement, parts = "jobs.list_jobs", [{}]
        bounds = {
            "workspace_id": selection.workspace_id,
            "before_id": selection.before_id or _ID_AFTER_ALL,
            "limit": selection.limit,
        }
        found = [
            job_from(row) for part in parts for row in await self._scan(statement, **bounds, **part)
        ]
        found.sort(key=lambda job: job.job_id, reverse=True)
        return found[: selection.limit]

    async def _types_of(self, workspace_id: str) -> tuple[str, ...]:
        rows = await self._scan("jobs.types_of", workspace_id=workspace_id)
        return tuple(row[0] for row in rows)

    async def queued_engines(self) -> list[str]:
        return [row[0] for row in await self._read("jobs.queued_engines")]

    async def submit_step(self, submission: StepSubmission) -> Job | None:
        return await self._call(steps.submit_steps, submission)

    async def steps_of(self, run_id: str) -> list[Job]:
        return [job_from(row) for row in await self._read("steps.steps_of", run_id=run_id)]

    async def stray_steps(self, *, limit: int) -> list[Job]:
        return [job_from(row) for row in await self._read("steps.stray_steps", limit=limit)]
