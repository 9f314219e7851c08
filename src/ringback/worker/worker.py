"""The worker claims jobs, runs their engines, extends the leases and ends the jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from ringback.clock import Clock
from ringback.concurrency.deadline import Deadline, ends_in_time
from ringback.concurrency.fair_share import FairShare
from ringback.egress.fetcher import Fetches
from ringback.engines.contract import Engine, EngineRequest, Made
from ringback.errors import (
    ArtifactsUnavailable,
    EngineError,
    EngineProcessDied,
    JobNotFound,
    LeaseLost,
    RingbackError,
    StorageError,
)
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.names import artifact_url
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.log import get_logger, log_waiting
from ringback.service import JobService
from ringback.wakeups import Wakeups
from ringback.worker.crash_guard import CrashGuard
from ringback.worker.engine_io import JobIO
from ringback.worker.job_time import JobTime
from ringback.worker.running_job import RunningJob

log = get_logger(__name__)

_POLL_S = 1.0  # another process may submit a job without a wakeup here
_STORAGE_WAIT_S = 1.0
_GIVE_BACK_S = 2.0
_CLAIM_S_MIN = 0.25  # a claim may take this long however little time is left
_JOBS_LOGGED_MAX = 20
_DEATH_PAUSE_S = 0.5  # a signal to stop may reach an engine's process before it reaches this one
_RESERVE_PART = 8  # an engine has an eighth more slots, for workspaces that hold few or none
_BROKEN = "The engine broke while making the result; the server's log has the details."


class Slot(Struct, frozen=True, kw_only=True):
    """An engine and how many of its jobs run at once.

    An eighth more may run for workspaces that hold few or none while another one holds all.

    An engine that ``waits`` does no work itself but waits for other jobs: its jobs have no time
    limit, any worker claims them, and a draining worker gives them back at once.
    """

    engine: Engine
    concurrency: int
    waits: bool = False
    timeout_s: float | None = None  # None: the limit of built-in engines


class Worker:
    """Runs the jobs of its engines until it is drained."""

    def __init__(
        self,
        service: JobService,
        *,
        slots: Mapping[str, Slot],
        artifacts: ArtifactStore,
        fetcher: Fetches,
        clock: Clock,
        wakeups: Wakeups,
        worker_id: str,
        lease_s: float,
        job_timeout_s: float,
        models: tuple[str, ...] = (),
        may_claim: Callable[[], bool] = lambda: True,
        guard: CrashGuard | None = None,
    ) -> None:
        self._service = service
        self._models = models
        self._may_claim = may_claim
        self._guard = guard or CrashGuard.none(clock)
        self._slots = slots
        self._artifacts = artifacts
        self._fetcher = fetcher
        self._clock = clock
        self._wakeups = wakeups
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._job_timeout_s = job_timeout_s
        self._running: set[RunningJob] = (
            set()
        )  # a lost job may be here twice, if it is claimed anew
        self._shares = {
            name: FairShare(slot.concurrency, reserve=-(-slot.concurrency // _RESERVE_PART))
            for name, slot in slots.items()
        }
        self._draining = False
        self._has_abandoned = False
        self._claiming = asyncio.Lock()
        self._heartbeats: asyncio.Task[None] | None = None  # until the last job has ended

    async def run(self) -> None:
        """Claim and run jobs until the worker is drained."""
        if self._heartbeats is None:
            self._heartbeats = asyncio.create_task(self._send_heartbeats())
        while not self._draining:
            try:
                claimed = await self.run_once()
            except StorageError as exc:
                log_waiting(log, exc, waiting_s=_STORAGE_WAIT_S)
                await self._clock.sleep(_STORAGE_WAIT_S)
                continue
            if not claimed:
                await self._wakeups.queued.wait(_POLL_S)

    async def run_once(self) -> int:
        """Start queued jobs while slots are free; return how many."""
        async with self._claiming:
            return await self._claim_and_start()

    async def _claim_and_start(self) -> int:
        started = 0
        if not self._may_claim() or not self._guard.may_claim():
            return started
        passed_over = self._guard.passed_over()
        for name in await self._service.queued_engines():
            if name not in self._shares or self._draining:
                continue
            for job in await self._claim(name, self._shares[name], passed_over):
                self._start(job)
                started += 1
        return started

    async def _claim(
        self, engine: str, share: FairShare, passed_over: Collection[str]
    ) -> list[Job]:
        """Claim jobs of an engine for its free slots.

        Without a free slot, the reserve serves workspaces that hold few or none: each gets one
        slot at a time, and full workspaces are left out.
        """
        free = share.slots - share.held_count
        limit = free if free > 0 else share.reserve + free
        if limit <= 0:
            return []
        return await self._service.claim(
            engine=engine,
            limit=limit,
            worker_id=self._worker_id,
            lease_s=self._lease_s,
            models=() if self._slots[engine].waits else self._models,
            full=() if free > 0 else [str(key) for key in share.full_keys()],
            each_max=None if free > 0 else 1,
            passed_over=passed_over,
        )

    async def drain(self, timeout_s: float, *, give_back_s: float = _GIVE_BACK_S) -> None:
        """Claim no more; let running jobs finish for ``timeout_s``, then give the rest back.

        Both steps end in time even without the database. A job that could not be given back waits
        for its lease to end.
        """
        self._draining = True
        self._wakeups.queued.wake()
        deadline = Deadline(timeout_s, asyncio.get_running_loop().time)
        # A claim that is under way still starts its jobs.
        await ends_in_time(self._wait_for_claim(), max(timeout_s, _CLAIM_S_MIN))
        for run in [run for run in self._running if self._slots[run.job.engine].waits]:
            run.return_unharmed()
        if self._running:
            await asyncio.wait([run.task for run in self._running], timeout=deadline.left_s)
        left = list(self._running)
        for run in left:
            run.return_unharmed()
        if left:
            await asyncio.wait([run.task for run in left], timeout=give_back_s)
        self._abandon([run for run in left if not run.task.done()])
        if self._heartbeats is not None:
            self._heartbeats.cancel()

    async def _wait_for_claim(self) -> None:
        async with self._claiming:
            pass

    def _abandon(self, runs: Sequence[RunningJob]) -> None:
        """Cancel runs that do not end: on a full disk, or without a database, they never would."""
        if not runs:
            return
        job_ids = [run.job.job_id for run in runs[:_JOBS_LOGGED_MAX]]
        self._has_abandoned = True
        log.warning("stop_abandoned", what="jobs", count=len(runs), job_ids=job_ids)
        for run in runs:
            run.task.cancel()

    def holds(self, job: Job) -> bool:
        """Say whether this worker holds the job in its current epoch."""
        held = (job.job_id, job.epoch)
        return any((run.job.job_id, run.job.epoch) == held for run in self._running)

    def _start(self, job: Job) -> None:
        self._shares[job.engine].take(job.workspace_id)
        self._guard.started(job.job_id)
        run = RunningJob(job)
        run.task = asyncio.create_task(self._work(run))
        self._running.add(run)

    async def _work(self, run: RunningJob) -> None:
        job_id, engine = run.job.job_id, run.job.engine
        outcome: JobResult | None = None
        try:
            run.begin()
            event, outcome = await self._outcome(run)
            if outcome is None:
                await self._record_death(run)
            else:
                await self._end(run, event, outcome)
            run.is_over = True
            if outcome is not None and event is JobEvent.COMPLETE:
                await self._forget(run.unnamed(run.previews, by=outcome))
            else:
                await self._forget(run.saved)
        except LeaseLost:
            log.warning("lease_lost", job_id=job_id)
            await self._forget_of_none(run, is_settled=True)
        except (StorageError, ArtifactsUnavailable) as exc:
            # The result could not be stored: the job returns to the queue.
            log.warning("result_not_kept", job_id=job_id, detail=str(exc))
            await self._forget(run.saved)  # first: the next write may need the room
            await self._until_stored(lambda: self._service.release(run.job))
            await self._clock.sleep(_STORAGE_WAIT_S)
        except asyncio.CancelledError:
            if run.give_back:
                await self._until_stored(lambda: self._service.release(run.job))
            run.is_over = True
            # With an outcome, the job may have ended and refer to its files.
            if outcome is None:
                await self._forget(run.saved)
            else:
                await self._forget(run.unnamed(run.previews, by=outcome))
                await self._forget_of_none(run)
        except Exception:
            # The lease ends and another worker tries; this loop must go on.
            log.exception("worker_broke", job_id=job_id)
        finally:
            self._running.discard(run)
            self._guard.ended(job_id)
            self._shares[engine].give_back(run.job.workspace_id)
            self._wakeups.queued.wake()

    async def _outcome(self, run: RunningJob) -> tuple[JobEvent, JobResult | None]:
        """Run the engine; return the event that ends the job, and its result.

        The result is None if the engine's process died.
        """
        job, slot = run.job, self._slots[run.job.engine]
        request = EngineRequest(
            job_id=job.job_id,
            workspace_id=job.workspace_id,
            kind=job.kind,
            model=job.model,
            input=job.input,
            lab=job.lab,
            resume_state=job.resume_state,
            base_url=job.base_url,
        )
        # A job that runs again gets its whole time.
        timeout_s = None if slot.waits else slot.timeout_s or self._job_timeout_s
        run.time = JobTime(timeout_s)
        io = JobIO(run, self._service, self._artifacts, self._fetcher, self._clock, self._lease_s)
        try:
            # An end from outside, like a client's cancel, also stops the engine.
            with self._wakeups.ended.watch(job.job_id, run.end):
                async with run.time.timeout:
                    made = await slot.engine.run(request, io)
        except EngineError as exc:
            return JobEvent.FAIL, JobResult(error=str(exc))
        except EngineProcessDied:
            return JobEvent.DIE, None
        except (LeaseLost, StorageError, ArtifactsUnavailable):
            raise
        except (Exception, asyncio.CancelledError) as exc:
            # An engine that raises CancelledError or TimeoutError by itself is broken, too.
            if isinstance(exc, asyncio.CancelledError) and run.is_stopped():
                raise
            if isinstance(exc, TimeoutError) and run.time.is_over():
                error = f"The job took longer than {timeout_s:g} s."
                return JobEvent.FAIL, JobResult(error=error)
            log.exception("engine_broke", job_id=job.job_id, engine=job.engine)
            return JobEvent.FAIL, JobResult(error=_BROKEN)
        run.trained = made.trained
        return JobEvent.COMPLETE, _result_of(job, made)

    async def _end(self, run: RunningJob, event: JobEvent, outcome: JobResult) -> None:
        if event is JobEvent.COMPLETE:
            await self._until_stored(
                lambda: self._service.finish(run.job, result=outcome, trained=run.trained)
            )
        else:
            error = outcome.error or _BROKEN
            await self._until_stored(lambda: self._service.fail(run.job, error=error))

    async def _record_death(self, run: RunningJob) -> None:
        """Count the death of an engine's process against its job, unless the server is stopping.

        A signal that stops the server often stops all its processes: then the job is not at fault.
        """
        await self._clock.sleep(_DEATH_PAUSE_S)
        if self._draining or self._service.is_draining:
            await self._until_stored(lambda: self._service.release(run.job))
        else:
            await self._until_stored(lambda: self._service.count_death(run.job))

    async def _forget_of_none(self, run: RunningJob, *, is_settled: bool = False) -> None:
        """Delete the files of a job that was deleted while it ran: nothing refers to them.

        ``is_settled``: no write of the run is under way, so the job refers to no other files of the
        run than those that its result names now.
        """
        run.is_over = True
        try:
            job = await self._service.look_up(run.job.job_id)
        except JobNotFound:
            await self._forget(run.saved)
        except StorageError as exc:
            log_waiting(log, exc, job_id=run.job.job_id)
        else:
            if is_settled:
                await self._forget(run.unnamed(run.saved, by=job.result))

    async def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            # A file that stays takes some room and does no other harm.
            with suppress(OSError, ArtifactsUnavailable):
                await self._artifacts.delete(name)

    async def _until_stored(self, write: Callable[[], Awaitable[object]]) -> None:
        """Repeat a write until storage accepts it, so that no accepted job is lost.

        Raises ``CancelledError`` once the runs are abandoned: the storage may be closed for good,
        and the end of the lease gives the job back.
        """
        while True:
            try:
                await write()
            except StorageError as exc:
                log_waiting(log, exc, waiting_s=_STORAGE_WAIT_S)
                if self._has_abandoned:
                    raise asyncio.CancelledError from exc
                await self._clock.sleep(_STORAGE_WAIT_S)
            else:
                return

    async def _send_heartbeats(self) -> None:
        while True:
            await self._clock.sleep(self._lease_s / 3)
            await asyncio.gather(*(self._extend_lease(run) for run in tuple(self._running)))

    async def _extend_lease(self, run: RunningJob) -> None:
        try:
            await self._service.heartbeat(run.job, lease_s=self._lease_s)
        except LeaseLost:
            await self._stop_lost(run)
        except StorageError as exc:
            log_waiting(log, exc, job_id=run.job.job_id)
        except Exception:
            # The next heartbeat may succeed, and those of the other jobs must go on.
            log.exception("worker_broke", job_id=run.job.job_id)

    async def _stop_lost(self, run: RunningJob) -> None:
        """Stop a run whose lease is lost, because its job was claimed anew or ended elsewhere."""
        job = run.job
        try:
            current = await self._service.get(job.job_id, workspace_id=job.workspace_id)
            is_ended = current.status.is_terminal
        except RingbackError:
            is_ended = False  # the run must not go on, even if the job cannot be read
        if is_ended:
            run.end()
        else:
            run.cancel()


def _result_of(job: Job, made: Made) -> JobResult:
    saved = (artifact_url(name, base_url=job.base_url) for name in made.artifacts)
    return JobResult(
        urls=(*saved, *made.links),
        style_id=made.style_id if made.trained is None else job.job_id,
        outputs=None if made.outputs is None else dict(made.outputs),
        notes=made.notes or None,
        still=None if made.still is None else artifact_url(made.still, base_url=job.base_url),
    )
