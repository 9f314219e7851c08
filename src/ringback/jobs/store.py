"""The port to stored jobs, and the values that it takes and returns."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobStatus


class Idempotency(Struct, frozen=True, kw_only=True):
    """A submission's idempotency key, and the fingerprint of its request."""

    key: str
    fingerprint: str
    kept_since_ms: int  # keys used before this time have expired


class Submission(Struct, frozen=True, kw_only=True):
    """A new job; its transaction decides the first status."""

    job: Job
    limits: Limits
    idempotency: Idempotency | None = None


class Accepted(Struct, frozen=True, kw_only=True):
    """A committed and synced job; ``replayed`` when an earlier request with the key made it."""

    job: Job
    replayed: bool = False


class StepSubmission(Struct, frozen=True, kw_only=True):
    """A run's step as a new job; ``run_id`` and ``step`` are its key."""

    job: Job
    limits: Limits


class JobFilter(Struct, frozen=True, kw_only=True):
    """Selects a page of a workspace's jobs, newest first, created before ``before_id``."""

    workspace_id: str
    limit: int
    before_id: str | None = None
    types: tuple[str, ...] = ()
    status: JobStatus | None = None


class PromptSearch(Struct, frozen=True, kw_only=True):
    """A search for a text in the prompts of a workspace's next jobs before ``before_id``."""

    workspace_id: str
    text: str
    before_id: str | None
    window: int  # how many jobs to search
    limit: int


class PromptMatches(Struct, frozen=True, kw_only=True):
    """Candidates for a text, newest first; the next search starts before ``before_id``."""

    jobs: tuple[Job, ...]  # some may lack the text, as the index knows only trigrams
    before_id: str | None  # None: there are no more


class Prompts(Protocol):
    """The index of prompts, which is written after the jobs."""

    async def index_prompts(self, *, before_ms: int, limit: int) -> int:
        """Index up to ``limit`` next jobs created before ``before_ms``; return how many."""

    async def search_prompts(self, search: PromptSearch) -> PromptMatches | None:
        """Return the candidates for a text; the cost grows with the window, not with all jobs.

        Returns None where the index cannot tell: those jobs are not indexed yet, or the text has
        fewer than three characters.
        """


class JobStore(Protocol):
    """Stores jobs. Every write is one transaction, synced before it returns.

    Writes by a holder compare the job's ``epoch``: they return False, and change nothing, when
    the job has changed hands since.
    """

    async def submit(self, submission: Submission) -> Accepted:
        """Write a new job.

        Raises ``IdempotencyConflict``, ``BudgetSpent``, ``RateLimited``, ``BacklogFull`` or
        ``StorageFull``.
        """

    async def forget_keys(self, *, used_before_ms: int, limit: int) -> int:
        """Delete up to ``limit`` idempotency keys used before that time; return how many."""

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
        """Claim queued jobs of an engine; each gets one holder, with its own epoch.

        ``models`` restricts them, if it names any. Claims go round the workspaces and take the same
        share of each, so that a long queue of one does not delay another's first job. Within a
        workspace the highest priority comes first, then the longest queued.

        Workspaces in ``full`` and jobs in ``passed_over`` are left out; both are few. Any other
        workspace gives at most ``each_max`` jobs.
        """

    async def hold_job(self, job: Job, *, lease_until_ms: int) -> bool:
        """Write the status, progress and previews of a held job and extend its lease."""

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        """Extend the lease of a held job, without another change."""

    async def requeue_job(self, job: Job) -> bool:
        """Give a held job back to the queue."""

    async def expired_jobs(self, *, now_ms: int, limit: int) -> list[Job]:
        """Return held jobs whose lease has ended."""

    async def get_job(self, job_id: str) -> Job | None:
        """Return the job with that id, of any workspace, or None."""

    async def list_jobs(self, job_filter: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""

    async def queued_engines(self) -> list[str]:
        """Return the engines that have queued jobs."""

    async def submit_step(self, submission: StepSubmission) -> Job | None:
        """Write a run's step as a job, once; a repeated call returns the first job.

        Returns None while the limits of the run's workspace leave no room for another step. Raises
        ``RunOver`` when the run has ended, so that no step starts without a run.
        """

    async def steps_of(self, run_id: str) -> list[Job]:
        """Return the jobs of a run's steps that have begun, oldest first."""

    async def stray_steps(self, *, limit: int) -> list[Job]:
        """Return steps that have not ended, although their run has ended or was pruned."""
