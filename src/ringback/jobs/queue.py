"""What the verbs and the worker need remembered about jobs."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobStatus


class Idempotency(Struct, frozen=True, kw_only=True):
    """A submission's idempotency key and what was asked under it."""

    key: str
    fingerprint: str
    kept_since_ms: int  # keys used before are forgotten


class Submission(Struct, frozen=True, kw_only=True):
    """A job about to exist; its status is decided as it is written."""

    job: Job
    limits: Limits
    idempotency: Idempotency | None = None


class Accepted(Struct, frozen=True, kw_only=True):
    """A job that is committed and synced; ``replayed`` when the key had made it before."""

    job: Job
    replayed: bool = False


class StepSubmission(Struct, frozen=True, kw_only=True):
    """A step of a run about to become a job; ``run_id`` and ``step`` of it are its key."""

    job: Job
    limits: Limits


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which of a workspace's jobs to list: newest first, made before ``before_id``."""

    workspace_id: str
    limit: int
    before_id: str | None = None
    types: tuple[str, ...] = ()
    status: JobStatus | None = None


class PromptSearch(Struct, frozen=True, kw_only=True):
    """A text to be found in the prompts of a workspace's next jobs before ``before_id``."""

    workspace_id: str
    text: str
    before_id: str | None
    window: int  # how many jobs to look through
    limit: int


class Looked(Struct, frozen=True, kw_only=True):
    """Jobs that a text led to, newest first, and before which job to look on; None: no more."""

    jobs: tuple[Job, ...]  # perhaps some in which it is not: the index goes by three characters
    before_id: str | None


class Prompts(Protocol):
    """An index of prompts, which is written behind the jobs."""

    async def index_prompts(self, *, before_ms: int, limit: int) -> int:
        """Index the next jobs that were made before then; returns how many, at most so many."""

    async def search_prompts(self, search: PromptSearch) -> Looked | None:
        """Return what the index has of a text; costs by the window, however many jobs there are.

        None where it has nothing to say: it has not come to those jobs yet, or the text has fewer
        than three characters.
        """


class JobQueue(Protocol):
    """Jobs, durably. Every write is one transaction, synced before it returns.

    Writes by a holder compare the job's ``epoch``: they return False, and change nothing, when
    the job has changed hands since.
    """

    async def submit(self, submission: Submission) -> Accepted:
        """Write a new job.

        Raises ``IdempotencyConflict``, ``BudgetSpent``, ``RateLimited``, ``BacklogFull`` or
        ``StorageFull``.
        """

    async def forget_keys(self, *, used_before_ms: int, limit: int) -> int:
        """Delete idempotency keys that were used before then, at most so many; returns how many."""

    async def claim_jobs(
        self,
        *,
        engine: str,
        limit: int,
        worker_id: str,
        lease_until_ms: int,
        models: tuple[str, ...] = (),
    ) -> list[Job]:
        """Take queued jobs of an engine; each has one holder, with its own epoch.

        Only those of the given models, if there are any. Claims go round the workspaces and take
        as many of each, so that a long queue of one does not delay another's first job. Within a
        workspace the highest priority comes first, and of that the longest queued.
        """

    async def hold_job(self, job: Job, *, lease_until_ms: int) -> bool:
        """Write the status, progress and previews of a held job and extend its lease."""

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        """Extend the lease of a held job; nothing else of it is written."""

    async def requeue_job(self, job: Job) -> bool:
        """Give a held job back to the queue."""

    async def expired_jobs(self, *, now_ms: int, limit: int) -> list[Job]:
        """Return held jobs whose lease is over."""

    async def get_job(self, job_id: str) -> Job | None:
        """Return the job with that id, of any workspace, or None."""

    async def list_jobs(self, wanted: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""

    async def queued_engines(self) -> list[str]:
        """Return the engines that have queued jobs."""

    async def submit_step(self, submission: StepSubmission) -> Job | None:
        """Write a run's step, once: the job that it is already is returned instead.

        None while the run's workspace has no room for another step beside those that it has.
        Raises ``RunOver`` when the run has ended, so that nothing is begun for nobody.
        """

    async def steps_of(self, run_id: str) -> list[Job]:
        """Return the steps of a run that are jobs by now, oldest first."""

    async def stray_steps(self, *, limit: int) -> list[Job]:
        """Return steps that have not ended, though their run has, or is there no more."""
