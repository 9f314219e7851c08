"""The job service submits, claims, reports on and ends jobs, one transaction for each operation.

It stands above jobs, webhooks and storage because the end of a job and its deliveries must commit
together. Each operation decides with the pure functions of ``jobs.transitions`` and writes once,
guarded by the job's epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from operator import attrgetter

import msgspec

from ringback.clock import Clock
from ringback.errors import Draining, JobNotFound, LeaseLost, RunOver, StorageError
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.store import (
    Accepted,
    JobFilter,
    PromptMatches,
    PromptSearch,
    StepSubmission,
    Submission,
)
from ringback.jobs.transitions import JobEvent, advance
from ringback.log import get_logger, log_waiting
from ringback.node_apps.model import ENGINE as NODE_APPS
from ringback.service.intake import GenerationRequest
from ringback.service.job_events import JobEventPublisher, event_of
from ringback.service.job_log import JobLog
from ringback.service.key_age import KeyAge
from ringback.service.request_files import RequestFiles
from ringback.service.training import made_by, may_draw_in
from ringback.storage.contract import Store
from ringback.styles.model import Style, Trained
from ringback.wakeups import Wakeup, Wakeups
from ringback.webhooks.events import EVENT_FOR, EventType
from ringback.webhooks.outbox import Ending

log = get_logger(__name__)

DEATHS_MAX = 3
"""How often a job's own engine process may die under it before the job fails."""
_PROGRESS_POLL_S = 0.25  # workers write progress about this often, without a wakeup
_CANCELLED = JobResult(error="The job was cancelled.")
_visible = attrgetter("status", "progress", "result")
_POLL_S = 1.0  # a job may end in another process that sends no wakeup


class JobService:
    """The operations on the jobs of one store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        wakeups: Wakeups,
        room_for_work: Callable[[], None] = lambda: None,
        files: RequestFiles | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._wakeups = wakeups
        self._room_for_work = room_for_work
        self._files = files or RequestFiles()
        self._events = JobEventPublisher(store, clock=clock, ids=ids, wakeups=wakeups)
        self.key_age = KeyAge(clock)
        self._log = JobLog()
        self._draining = False
        self._waiting: set[Wakeup] = set()

    def drain(self) -> None:
        """Refuse new jobs from now on, and end every wait for a job's end."""
        self._draining = True
        for wakeup in self._waiting:
            wakeup.wake()

    @property
    def is_draining(self) -> bool:
        """Say whether the server is shutting down."""
        return self._draining

    def check_open(self) -> None:
        """Raise ``Draining`` when the server is shutting down."""
        if self._draining:
            raise Draining("The server is going down; try again in a moment.")

    @contextmanager
    def waking_at_drain(self, wakeup: Wakeup) -> Iterator[None]:
        """Wake the waiter when the server shuts down, until the context is left."""
        self._waiting.add(wakeup)
        try:
            yield
        finally:
            self._waiting.discard(wakeup)

    async def submit(self, request: GenerationRequest) -> Accepted:
        """Make a job; it is committed and synced when this returns.

        Raises ``BacklogFull``, ``BudgetSpent``, ``RateLimited``, ``IdempotencyConflict``,
        ``StorageFull`` or ``Draining``; the files that were stored for it are then deleted.
        """
        async with self._files.kept(request.input_files):
            self.check_open()
            self._room_for_work()
            accepted = await self._store.submit(
                Submission(
                    job=request.job(job_id=self._ids.uuid7(), now_ms=self._clock.now_ms()),
                    limits=self._limits,
                    idempotency=request.idempotency(self.key_age.kept_since_ms()),
                )
            )
        if accepted.replayed:
            await self._files.delete(set(request.input_files) - set(accepted.job.input_files))
        self._wakeups.queued.wake()
        self._log.submitted(accepted)
        if accepted.job.status is JobStatus.BACKLOGGED and not accepted.replayed:
            await self._events.publish(accepted.job, EventType.JOB_BACKLOGGED)
        return accepted

    async def submit_step(self, run: Job, request: GenerationRequest, *, step: str) -> Job | None:
        """Submit a step of a run as a job, once; return None while the limits leave no room for it.

        Raises ``RunOver`` or ``StorageFull``. Steps of accepted runs are accepted during shutdown.
        """
        self._room_for_work()
        job = request.job(job_id=self._ids.uuid7(), now_ms=self._clock.now_ms())
        job = msgspec.structs.replace(job, run_id=run.job_id, step=step)
        try:
            return await self._store.submit_step(StepSubmission(job=job, limits=self._limits))
        except RunOver:
            await self._files.delete(job.input_files)
            raise
        finally:
            self._wakeups.queued.wake()

    async def steps_of(self, run: Job) -> list[Job]:
        """Return the jobs of a run's steps that have begun, oldest first."""
        return await self._store.steps_of(run.job_id)

    async def wait_for_an_end(self, jobs: Collection[Job], *, timeout_s: float) -> None:
        """Return when one of these jobs has ended, or after the timeout."""
        ended = Wakeup()
        with ExitStack() as watches:
            for job in jobs:
                watches.enter_context(self._wakeups.ended.watch(job.job_id, ended.wake))
            # A job may have ended before the watch began.
            for job in jobs:
                current = await self._store.get_job(job.job_id)
                if current is None or current.status.is_terminal:
                    return
            await ended.wait(timeout_s)

    async def get(self, job_id: str, *, workspace_id: str) -> Job:
        """Return a job of this workspace, or raise ``JobNotFound``."""
        job = await self._store.get_job(job_id)
        if job is None or job.workspace_id != workspace_id:
            raise JobNotFound(job_id)
        return job

    async def look_up(self, job_id: str) -> Job:
        """Return a job of any workspace, or raise ``JobNotFound``."""
        job = await self._store.get_job(job_id)
        if job is None:
            raise JobNotFound(job_id)
        return job

    async def wait_for_end(self, job: Job, *, timeout_s: float) -> Job:
        """Return the job once it has ended, or as it stands after the timeout."""
        return await self._wait(
            job, lambda now: now.status.is_terminal, timeout_s=timeout_s, every_s=_POLL_S
        )

    async def wait_for_change(self, job: Job, *, timeout_s: float) -> Job:
        """Return the job once its status, progress or result differs, or after the timeout."""
        before = _visible(job)
        return await self._wait(
            job, lambda now: _visible(now) != before, timeout_s=timeout_s, every_s=_PROGRESS_POLL_S
        )

    async def _wait(
        self, job: Job, is_done: Callable[[Job], bool], *, timeout_s: float, every_s: float
    ) -> Job:
        deadline = self._clock.monotonic() + timeout_s
        changed = Wakeup()
        with (
            self.waking_at_drain(changed),
            self._wakeups.ended.watch(job.job_id, changed.wake),
        ):
            while not self._draining:
                job = await self.get(job.job_id, workspace_id=job.workspace_id)
                left_s = deadline - self._clock.monotonic()
                if is_done(job) or left_s <= 0:
                    break
                await changed.wait(min(left_s, every_s))
        return job

    async def list_jobs(self, job_filter: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""
        return await self._store.list_jobs(job_filter)

    async def search_prompts(self, search: PromptSearch) -> PromptMatches | None:
        """Return the matches of a text in the prompt index; None where the index cannot tell."""
        return await self._store.search_prompts(search)

    async def cancel(self, job_id: str, *, workspace_id: str) -> Job:
        """Cancel a job unless it has ended; return the job as it then is.

        A running job is cancelled at once: its worker's later writes find a newer epoch and change
        nothing, and its engine is stopped.
        """
        while True:
            job = await self.get(job_id, workspace_id=workspace_id)
            if job.status.is_terminal:
                return job
            # The job may change hands between the read and the write: then try again.
            with suppress(LeaseLost):
                return await self._end(job, JobEvent.CANCEL, _CANCELLED)

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
        full: Collection[str] = (),
        each_max: int | None = None,
        passed_over: Collection[str] = (),
    ) -> list[Job]:
        """Claim queued jobs of an engine, restricted to ``models`` if any are named.

        Each job is held until its lease ends. Workspaces in ``full`` and jobs in ``passed_over``
        are left out, and one workspace gives at most ``each_max`` jobs.
        """
        now_ms = self._clock.now_ms()
        claimed = await self._store.claim_jobs(
            engine=engine,
            limit=limit,
            worker_id=worker_id,
            lease_until_ms=now_ms + int(lease_s * 1000),
            models=models,
            full=full,
            each_max=each_max,
            passed_over=passed_over,
        )
        # The mark is written with the worker's next report.
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
        """Write the events of a held job's engine and extend the lease; return the job after them.

        Raises ``LeaseLost`` when the job has changed hands.
        """
        now_ms = self._clock.now_ms()
        result = None if urls is None else JobResult(urls=urls)
        for event in events:
            job = advance(job, event, now_ms=now_ms, result=result, progress=progress)
        if not await self._store.hold_job(job, lease_until_ms=now_ms + int(lease_s * 1000)):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        if JobEvent.START in events:
            await self._events.publish(job, EventType.JOB_STARTED)
        if JobEvent.SAMPLE in events or JobEvent.PREVIEW in events:
            await self._events.publish(job, EventType.JOB_PROGRESS)
        return job

    async def heartbeat(self, job: Job, *, lease_s: float) -> None:
        """Extend the lease of a held job, or raise ``LeaseLost``."""
        lease_until_ms = self._clock.now_ms() + int(lease_s * 1000)
        if not await self._store.extend_lease(job, lease_until_ms=lease_until_ms):
            raise LeaseLost(f"job {job.job_id} has changed hands")

    async def remember(self, job: Job, *, resume_state: str, lease_s: float) -> Job:
        """Store the resume state of a held job for a later run, or raise ``LeaseLost``."""
        job = msgspec.structs.replace(job, resume_state=resume_state)
        lease_until_ms = self._clock.now_ms() + int(lease_s * 1000)
        if not await self._store.hold_job(job, lease_until_ms=lease_until_ms):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        return job

    async def finish(self, job: Job, *, result: JobResult, trained: Trained | None = None) -> Job:
        """End a held job as completed, with a training's style if any, or raise ``LeaseLost``."""
        return await self._end(job, JobEvent.COMPLETE, result, trained)

    async def fail(self, job: Job, *, error: str) -> Job:
        """End a job as failed, or raise ``LeaseLost``."""
        return await self._end(job, JobEvent.FAIL, JobResult(error=error))

    async def release(self, job: Job) -> None:
        """Give a held job back to the queue; a job that is no longer held is left alone."""
        await self._store.requeue_job(advance(job, JobEvent.RELEASE, now_ms=self._clock.now_ms()))

    async def rescue(self, job: Job) -> bool:
        """Give a job whose lease has ended back to the queue; False if it has changed hands.

        Nothing is counted against the job: deploys, kills and full memory end workers, too.
        """
        after = advance(job, JobEvent.RESCUE, now_ms=self._clock.now_ms())
        is_rescued = await self._store.requeue_job(after)
        if is_rescued:
            log.warning("job_rescued", job_id=job.job_id)
        return is_rescued

    async def count_death(self, job: Job) -> None:
        """Requeue a job whose engine process died; at the third death the job fails.

        The count is stored with the job, so every later worker sees it. Raises ``LeaseLost``.
        """
        after = advance(job, JobEvent.DIE, now_ms=self._clock.now_ms())
        if after.deaths < DEATHS_MAX:
            if not await self._store.requeue_job(after):
                raise LeaseLost(f"job {job.job_id} has changed hands")
            log.warning(
                "engine_process_died", job_id=job.job_id, engine=job.engine, deaths=after.deaths
            )
            self._wakeups.queued.wake()
            return
        error = f"The process that made the result died {after.deaths} times while making it."
        await self.fail(msgspec.structs.replace(job, deaths=after.deaths), error=error)
        log.error("job_failed", job_id=job.job_id, engine=job.engine, deaths=after.deaths)

    async def style_for(self, job: Job, name: str) -> Style | None:
        """Return the style of that name if the job may be drawn in it, or None."""
        style = await self._store.find_style(name)
        return style if style is not None and may_draw_in(job, style, by=name) else None

    async def forget_keys(self, *, limit: int = 500) -> int:
        """Delete expired idempotency keys; return how many."""
        kept_since_ms = self.key_age.kept_since_ms()
        return await self._store.forget_keys(used_before_ms=kept_since_ms, limit=limit)

    async def end_stray_steps(self, *, limit: int = 100) -> int:
        """Cancel the remaining steps of runs that have ended; return how many.

        A server that dies between a run's end and the cancel of its steps leaves them behind.
        """
        strays = await self._store.stray_steps(limit=limit)
        for step in strays:
            await self.cancel(step.job_id, workspace_id=step.workspace_id)
        if strays:
            log.warning("steps_cancelled", count=len(strays))
        return len(strays)

    async def _cancel_steps(self, run: Job) -> None:
        """Cancel the steps of a run that has ended; the rescuer retries those that fail here."""
        try:
            for step in await self._store.steps_of(run.job_id):
                if not step.status.is_terminal:
                    await self.cancel(step.job_id, workspace_id=step.workspace_id)
        except JobNotFound:
            pass  # another process has ended and pruned it
        except StorageError as exc:
            log_waiting(log, exc, job_id=run.job_id)

    async def _end(
        self, job: Job, event: JobEvent, result: JobResult, trained: Trained | None = None
    ) -> Job:
        now_ms = self._clock.now_ms()
        after = advance(job, event, now_ms=now_ms, result=result)
        event_id = self._ids.uuid7()
        ending = Ending(
            before=job,
            after=after,
            limits=self._limits,
            event=event_of(after, EVENT_FOR[after.status], event_id=event_id, now_ms=now_ms),
            style=None if trained is None else made_by(job, trained, now_ms=now_ms),
        )
        if not await self._store.end_job(ending):
            raise LeaseLost(f"job {job.job_id} has changed hands")
        self._wakeups.deliveries.wake()
        self._wakeups.queued.wake()
        self._wakeups.ended.notify(job.job_id)
        self._wakeups.events.notify(job.workspace_id)
        self._events.forget(job.job_id)
        self._log.ended(after, now_ms=now_ms)
        if job.engine == NODE_APPS:
            await self._cancel_steps(job)
        return after
