"""The verbs: what can be done to jobs, one transaction each.

They stand above jobs, webhooks and storage because "the job is over" and "a delivery is owed" must
commit together. Each decides with the pure functions of ``jobs.transitions`` and writes once,
guarded by the job's epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from ringback.apps.model import ENGINE as RUNS
from ringback.clock import Clock
from ringback.doorbell import Bells, Doorbell
from ringback.errors import Draining, JobNotFound, LeaseLost, StorageFull
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.queue import (
    Accepted,
    Idempotency,
    JobFilter,
    Looked,
    PromptSearch,
    StepSubmission,
    Submission,
)
from ringback.jobs.transitions import JobEvent, advance
from ringback.log import get_logger
from ringback.service.requests import GenerationRequest
from ringback.service.telling import Teller, event_of
from ringback.service.training import made_by, may_draw_in
from ringback.storage.contract import Store
from ringback.styles.model import Style, Trained
from ringback.webhooks.events import EVENT_FOR, EventType
from ringback.webhooks.outbox import Ending

log = get_logger(__name__)

DEATHS_MAX = 3
DEATHS_MAX_WITH_MEMO = 20
"""Of a job that wrote down what a later run must know: something has been paid for it."""
IDEMPOTENCY_KEPT_MS = 24 * 3600 * 1000
_CHANGE_S = 0.25  # progress is written about so often; no bell rings for it
_LOOK_AGAIN_S = 1.0  # a job may end in another process, which rings no bell here


class Service:
    """The verbs on one store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        bells: Bells,
        room_for_work: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._bells = bells
        self._room_for_work = room_for_work
        self._teller = Teller(store, clock=clock, ids=ids, bells=bells)
        self._draining = False
        self._waiting: set[Doorbell] = set()

    def drain(self) -> None:
        """Take no new jobs from now on, and let nobody wait for a job's end."""
        self._draining = True
        for waiting in self._waiting:
            waiting.ring()

    @property
    def is_draining(self) -> bool:
        """Say whether the server is going down."""
        return self._draining

    @contextmanager
    def ringing_at_drain(self, doorbell: Doorbell) -> Iterator[None]:
        """Ring that doorbell when the server goes down, until the context is left."""
        self._waiting.add(doorbell)
        try:
            yield
        finally:
            self._waiting.discard(doorbell)

    async def submit(self, request: GenerationRequest) -> Accepted:
        """Make a job; it is committed and synced when this returns.

        Raises ``BacklogFull``, ``BudgetSpent``, ``RateLimited``, ``IdempotencyConflict``,
        ``StorageFull`` or ``Draining``.
        """
        if self._draining:
            raise Draining("The server is going down; try again in a moment.")
        self._room_for_work()
        now_ms = self._clock.now_ms()
        key = request.idempotency_key
        accepted = await self._store.submit(
            Submission(
                job=request.job(job_id=self._ids.uuid7(), now_ms=now_ms),
                limits=self._limits,
                idempotency=None
                if key is None
                else Idempotency(
                    key=key,
                    fingerprint=request.fingerprint,
                    kept_since_ms=now_ms - IDEMPOTENCY_KEPT_MS,
                ),
            )
        )
        self._bells.queued.ring()
        if accepted.job.status is JobStatus.BACKLOGGED and not accepted.replayed:
            await self._teller.tell(accepted.job, EventType.JOB_BACKLOGGED)
        return accepted

    async def submit_step(self, run: Job, request: GenerationRequest, *, step: str) -> Job | None:
        """Make a step of a run a job, once; None while there is no room for it.

        Raises ``RunOver`` when the run has ended, or ``StorageFull``. It is taken while the server
        goes down, too: what a run has begun is no new work.
        """
        self._room_for_work()
        job = request.job(job_id=self._ids.uuid7(), now_ms=self._clock.now_ms())
        job = msgspec.structs.replace(job, run_id=run.job_id, step=step)
        begun = await self._store.submit_step(StepSubmission(job=job, limits=self._limits))
        self._bells.queued.ring()
        return begun

    async def steps_of(self, run: Job) -> list[Job]:
        """Return the steps of a run that are jobs by now, oldest first."""
        return await self._store.steps_of(run.job_id)

    async def wait_for_an_end(self, jobs: Collection[Job], *, timeout_s: float) -> None:
        """Return when one of these jobs has ended, or after the timeout."""
        ended = Doorbell()
        with ExitStack() as watches:
            for job in jobs:
                watches.enter_context(self._bells.ended.watch(job.job_id, ended.ring))
            # Somebody may have ended before the watch began.
            for job in jobs:
                now = await self._store.get_job(job.job_id)
                if now is None or now.status.is_terminal:
                    return
            await ended.wait(timeout_s)

    async def get(self, job_id: str, *, workspace_id: str) -> Job:
        """Return a job of this workspace, or raise ``JobNotFound``."""
        job = await self._store.get_job(job_id)
        if job is None or job.workspace_id != workspace_id:
            raise JobNotFound(job_id)
        return job

    async def look_up(self, job_id: str) -> Job:
        """Return a job of whatever workspace, or raise ``JobNotFound``."""
        job = await self._store.get_job(job_id)
        if job is None:
            raise JobNotFound(job_id)
        return job

    async def wait_for_end(self, job: Job, *, timeout_s: float) -> Job:
        """Return the job once it is over, or as it stands after the timeout."""
        return await self._wait(
            job, lambda now: now.status.is_terminal, timeout_s=timeout_s, every_s=_LOOK_AGAIN_S
        )

    async def wait_for_change(self, job: Job, *, timeout_s: float) -> Job:
        """Return the job once it shows otherwise than it did, or as it stands after the timeout."""
        shown = _shown(job)
        return await self._wait(
            job, lambda now: _shown(now) != shown, timeout_s=timeout_s, every_s=_CHANGE_S
        )

    async def _wait(
        self, job: Job, is_it: Callable[[Job], bool], *, timeout_s: float, every_s: float
    ) -> Job:
        deadline = self._clock.monotonic() + timeout_s
        changed = Doorbell()
        with (
            self.ringing_at_drain(changed),
            self._bells.ended.watch(job.job_id, changed.ring),
        ):
            while not self._draining:
                job = await self.get(job.job_id, workspace_id=job.workspace_id)
                left_s = deadline - self._clock.monotonic()
                if is_it(job) or left_s <= 0:
                    break
                await changed.wait(min(left_s, every_s))
        return job

    async def list_jobs(self, wanted: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""
        return await self._store.list_jobs(wanted)

    async def search_prompts(self, search: PromptSearch) -> Looked | None:
        """Return what the index of prompts has of a text; None where it has nothing to say."""
        return await self._store.search_prompts(search)

    async def cancel(self, job_id: str, *, workspace_id: str) -> Job:
        """End a job that has not ended; one that has is left as it is. Both return the job.

        A running job is cancelled here and now: its worker's later writes find a newer epoch and
        change nothing, and its engine is stopped.
        """
        while True:
            job = await self.get(job_id, workspace_id=workspace_id)
            if job.status.is_terminal:
                return job
            result = JobResult(error="The job was cancelled.")
            try:
                return await self._end(job, JobEvent.CANCEL, result)
            except LeaseLost:
                continue  # it changed hands between the read and the write: look again

    # for workers

    async def queued_engines(self) -> list[str]:
        """Return the engines that have queued jobs."""
        return await self._store.queued_engines()

    async def claim(
        self,
        *,
        engine: str,
        limit: int,
        worker_id: str,
        lease_s: float,
        models: tuple[str, ...] = (),
    ) -> list[Job]:
        """Take queued jobs of an engine, and of these models if any, each held until its lease
        ends.
        """
        now_ms = self._clock.now_ms()
        claimed = await self._store.claim_jobs(
            engine=engine,
            limit=limit,
            worker_id=worker_id,
            lease_until_ms=now_ms + int(lease_s * 1000),
            models=models,
        )
        # Written with the next thing that its worker reports.
        mark = (JobStatus.SCHEDULED.value, now_ms)
        return [msgspec.structs.replace(job, marks=(*job.marks, mark)) for job in claimed]

    async def report(
        self,
        job: Job,
        *events: JobEvent,
        lease_s: float,
        progress: float | None = None,
        urls: tuple[str, ...] | None = None,
    ) -> Job:
        """Write what a held job's engine did; returns the job as it now is, its lease extended.

        Raises ``LeaseLost`` when the job has changed hands.
        """
        now_ms = self._clock.now_ms()
        result = None if urls is None else JobResult(urls=urls)
        for event in events:
            job = advance(job, event, now_ms=now_ms, result=result, progress=progress)
        if not await self._store.hold_job(job, lease_until_ms=now_ms + int(lease_s * 1000)):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        if JobEvent.START in events:
            await self._teller.tell(job, EventType.JOB_STARTED)
        if JobEvent.SAMPLE in events or JobEvent.PREVIEW in events:
            await self._teller.tell(job, EventType.JOB_PROGRESS)
        return job

    async def heartbeat(self, job: Job, *, lease_s: float) -> None:
        """Extend the lease of a held job, or raise ``LeaseLost``."""
        lease_until_ms = self._clock.now_ms() + int(lease_s * 1000)
        if not await self._store.extend_lease(job, lease_until_ms=lease_until_ms):
            raise LeaseLost(f"job {job.job_id} has changed hands")

    async def remember(self, job: Job, *, memo: str, lease_s: float) -> Job:
        """Write down what a later run of a held job must know, or raise ``LeaseLost``."""
        job = msgspec.structs.replace(job, memo=memo)
        lease_until_ms = self._clock.now_ms() + int(lease_s * 1000)
        if not await self._store.hold_job(job, lease_until_ms=lease_until_ms):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        return job

    async def finish(self, job: Job, *, result: JobResult, trained: Trained | None = None) -> Job:
        """End a held job as completed, with what a training made, or raise ``LeaseLost``."""
        return await self._end(job, JobEvent.COMPLETE, result, trained)

    async def fail(self, job: Job, *, error: str) -> Job:
        """End a job as failed, or raise ``LeaseLost``."""
        return await self._end(job, JobEvent.FAIL, JobResult(error=error))

    async def release(self, job: Job) -> None:
        """Give a held job back to the queue, unharmed; nothing happens if it is no longer held."""
        await self._store.requeue_job(advance(job, JobEvent.RELEASE, now_ms=self._clock.now_ms()))

    async def rescue(self, job: Job) -> bool:
        """Give a job whose worker died back to the queue; after three deaths it fails.

        A run of a node app does no work that a worker could die of, and lasts for long: it goes on
        however many died. A job with a memo has more than three: what was bought for it would be
        lost with it. Returns False when the job has changed hands meanwhile.
        """
        after = advance(job, JobEvent.RESCUE, now_ms=self._clock.now_ms())
        deaths_max = DEATHS_MAX if job.memo is None else DEATHS_MAX_WITH_MEMO
        if after.deaths < deaths_max or job.engine == RUNS:
            if not await self._store.requeue_job(after):
                return False
            log.warning("job_rescued", job_id=job.job_id, deaths=after.deaths)
            return True
        error = f"The job's worker died {after.deaths} times while running it."
        try:
            await self.fail(msgspec.structs.replace(job, deaths=after.deaths), error=error)
        except LeaseLost:
            return False
        log.error("job_failed", job_id=job.job_id, deaths=after.deaths)
        return True

    async def style_for(self, job: Job, name: str) -> Style | None:
        """Return the style of that name if the job may be drawn in it, or None."""
        style = await self._store.find_style(name)
        return style if style is not None and may_draw_in(job, style, by=name) else None

    async def forget_keys(self, *, limit: int = 500) -> int:
        """Delete idempotency keys past their time; returns how many."""
        used_before_ms = self._clock.now_ms() - IDEMPOTENCY_KEPT_MS
        return await self._store.forget_keys(used_before_ms=used_before_ms, limit=limit)

    async def end_stray_steps(self, *, limit: int = 100) -> int:
        """Cancel steps whose run has ended, whatever became of who should have; returns how many.

        A run's end cancels its steps right after; a server that died between the two left them.
        """
        strays = await self._store.stray_steps(limit=limit)
        for step in strays:
            await self.cancel(step.job_id, workspace_id=step.workspace_id)
        if strays:
            log.warning("steps_cancelled", count=len(strays))
        return len(strays)

    async def _cancel_steps(self, run: Job) -> None:
        """Cancel what is left of a run that has ended; what cannot be now, the janitor does."""
        try:
            for step in await self._store.steps_of(run.job_id):
                if not step.status.is_terminal:
                    await self.cancel(step.job_id, workspace_id=step.workspace_id)
        except (StorageFull, JobNotFound):
            log.warning("storage_full", job_id=run.job_id)

    async def _end(
        self, job: Job, event: JobEvent, result: JobResult, trained: Trained | None = None
    ) -> Job:
        now_ms = self._clock.now_ms()
        after = advance(job, event, now_ms=now_ms, result=result)
        told = event_of(after, EVENT_FOR[after.status], event_id=self._ids.uuid7(), now_ms=now_ms)
        style = None if trained is None else made_by(job, trained, now_ms=now_ms)
        ending = Ending(before=job, after=after, limits=self._limits, event=told, style=style)
        if not await self._store.end_job(ending):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        self._bells.owed.ring()
        self._bells.queued.ring()
        self._bells.ended.tell(job.job_id)
        self._bells.told.tell(job.workspace_id)
        self._teller.forget(job.job_id)
        if job.engine == RUNS:
            await self._cancel_steps(job)
        return after


def _shown(job: Job) -> tuple[object, ...]:
    return job.status, job.progress, job.result
