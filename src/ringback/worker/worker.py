"""The worker: claim a job, run its engine, keep the lease alive, finish it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from msgspec import Struct

from ringback.artifacts.contract import ArtifactStore
from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.egress.fetch import Fetch
from ringback.engines.contract import Engine, EngineRequest, Made
from ringback.errors import ArtifactsAway, EngineError, LeaseLost, RingbackError, StorageFull
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.log import get_logger
from ringback.service import Service
from ringback.worker.run import Run
from ringback.worker.world import JobIO, artifact_url

log = get_logger(__name__)

_LOOK_AGAIN_S = 1.0  # work may come from another process, which rings no bell here
_DISK_PATIENCE_S = 1.0
_GIVE_BACK_S = 2.0
_BROKEN = "The engine broke while making the result; the server's log has the details."


class Slot(Struct, frozen=True, kw_only=True):
    """An engine and how many of its jobs run at once.

    One that ``waits`` does no work itself but waits for other jobs: its jobs take as long as those,
    any worker takes them, and one that drains gives them back at once.
    """

    engine: Engine
    concurrency: int
    waits: bool = False
    timeout_s: float | None = None  # None: as long as built-in engines may take


class Worker:
    """Runs the jobs of its engines until it is drained."""

    def __init__(
        self,
        service: Service,
        *,
        slots: Mapping[str, Slot],
        artifacts: ArtifactStore,
        fetch: Fetch,
        clock: Clock,
        bells: Bells,
        worker_id: str,
        lease_s: float,
        job_timeout_s: float,
        models: tuple[str, ...] = (),
        may_claim: Callable[[], bool] = lambda: True,
    ) -> None:
        self._service = service
        self._models = models
        self._may_claim = may_claim
        self._slots = slots
        self._artifacts = artifacts
        self._fetch = fetch
        self._clock = clock
        self._bells = bells
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._job_timeout_s = job_timeout_s
        self._running: set[Run] = set()  # one job may be here twice: lost, and claimed anew
        self._free = {name: slot.concurrency for name, slot in slots.items()}
        self._draining = False
        self._claiming = asyncio.Lock()
        self._heart: asyncio.Task[None] | None = None  # beats until the last job has ended

    async def run(self) -> None:
        """Claim and run jobs until the worker is drained."""
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat())
        while not self._draining:
            try:
                claimed = await self.run_once()
            except StorageFull:
                await self._clock.sleep(_DISK_PATIENCE_S)
                continue
            if not claimed:
                await self._bells.queued.wait(_LOOK_AGAIN_S)

    async def run_once(self) -> int:
        """Start every queued job that there is room for; return how many."""
        async with self._claiming:
            return await self._claim_and_start()

    async def _claim_and_start(self) -> int:
        started = 0
        if not self._may_claim():
            return started
        for name in await self._service.queued_engines():
            free = self._free.get(name, 0)
            if not free or self._draining:
                continue
            for job in await self._service.claim(
                engine=name,
                limit=free,
                worker_id=self._worker_id,
                lease_s=self._lease_s,
                models=() if self._slots[name].waits else self._models,
            ):
                self._start(job)
                started += 1
        return started

    async def drain(self, timeout_s: float) -> None:
        """Claim no more; let running jobs finish for that long, then give the rest back."""
        self._draining = True
        self._bells.queued.ring()
        async with self._claiming:
            pass  # a claim that was under way has started its jobs
        for run in [run for run in self._running if self._slots[run.job.engine].waits]:
            run.return_unharmed()
        if self._running:
            await asyncio.wait([run.task for run in self._running], timeout=timeout_s)
        left = list(self._running)
        for run in left:
            run.return_unharmed()
        if left:
            # On a full disk even this takes for ever: then the leases' end gives the jobs back.
            await asyncio.wait([run.task for run in left], timeout=_GIVE_BACK_S)
        if self._heart is not None:
            self._heart.cancel()

    def holds(self, job: Job) -> bool:
        """Say whether this worker has the job in hand, under the epoch that it has now."""
        held = (job.job_id, job.epoch)
        return any((run.job.job_id, run.job.epoch) == held for run in self._running)

    def _start(self, job: Job) -> None:
        self._free[job.engine] -= 1
        run = Run(job)
        run.task = asyncio.create_task(self._work(run))
        self._running.add(run)

    async def _work(self, run: Run) -> None:
        job_id, engine = run.job.job_id, run.job.engine
        outcome: JobResult | None = None
        try:
            run.begin()
            event, outcome = await self._outcome(run)
            await self._end(run, event, outcome)
            run.is_over = True
            if event is JobEvent.COMPLETE:
                await self._forget_previews(run, kept=outcome.urls or ())
            else:
                await self._forget(run.saved)
        except LeaseLost:
            log.warning("lease_lost", job_id=job_id)
        except (StorageFull, ArtifactsAway) as exc:
            # The result found no place: the job waits for better times.
            log.warning("result_not_kept", job_id=job_id, detail=str(exc))
            await self._forget(run.saved)  # first: the next write may need the room
            await self._until_stored(lambda: self._service.release(run.job))
            await self._clock.sleep(_DISK_PATIENCE_S)
        except asyncio.CancelledError:
            if run.give_back:
                await self._until_stored(lambda: self._service.release(run.job))
            run.is_over = True
            # With an outcome, the job may have ended by it, and lead to its files.
            await self._forget(run.saved if outcome is None else run.previews)
        except Exception:
            # The lease runs out and another worker tries; this loop must not die of it.
            log.exception("worker_broke", job_id=job_id)
        finally:
            self._running.discard(run)
            self._free[engine] += 1
            self._bells.queued.ring()

    async def _outcome(self, run: Run) -> tuple[JobEvent, JobResult]:
        """Return how the engine's run ended: completed, or failed with a sentence."""
        job, slot = run.job, self._slots[run.job.engine]
        request = EngineRequest(
            job_id=job.job_id,
            workspace_id=job.workspace_id,
            kind=job.kind,
            model=job.model,
            input=job.input,
            lab=job.lab,
            memo=job.memo,
            base_url=job.base_url,
        )
        io = JobIO(run, self._service, self._artifacts, self._fetch, self._clock, self._lease_s)
        timeout_s = None if slot.waits else slot.timeout_s or self._job_timeout_s
        try:
            # Whoever ends this job meanwhile (a cancelling client) also stops its engine.
            with self._bells.ended.watch(job.job_id, run.end):
                async with asyncio.timeout(timeout_s) as timeout:
                    run.is_out_of_time = timeout.expired
                    made = await slot.engine.run(request, io)
        except EngineError as exc:
            return JobEvent.FAIL, JobResult(error=str(exc))
        except (LeaseLost, StorageFull, ArtifactsAway):
            raise
        except (Exception, asyncio.CancelledError) as exc:
            # An engine may raise these two by itself: then it broke, like with any other.
            if isinstance(exc, asyncio.CancelledError) and run.is_stopped():
                raise
            if isinstance(exc, TimeoutError) and timeout.expired():
                error = f"The job took longer than {timeout_s:g} s."
                return JobEvent.FAIL, JobResult(error=error)
            log.exception("engine_broke", job_id=job.job_id, engine=job.engine)
            return JobEvent.FAIL, JobResult(error=_BROKEN)
        run.trained = made.trained
        return JobEvent.COMPLETE, _result_of(job, made)

    async def _end(self, run: Run, event: JobEvent, outcome: JobResult) -> None:
        if event is JobEvent.COMPLETE:
            await self._until_stored(
                lambda: self._service.finish(run.job, result=outcome, trained=run.trained)
            )
        else:
            error = outcome.error or _BROKEN
            await self._until_stored(lambda: self._service.fail(run.job, error=error))

    async def _forget_previews(self, run: Run, *, kept: tuple[str, ...]) -> None:
        """Delete what was shown on the way and is no result: nobody is led to it any more."""
        of_style = run.trained.previews if run.trained else ()
        await self._forget(
            name
            for name in run.previews
            if artifact_url(run.job, name) not in kept and name not in of_style
        )

    async def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(OSError, ArtifactsAway):  # it takes some room and does no other harm
                await self._artifacts.delete(name)

    async def _until_stored(self, write: Callable[[], Awaitable[object]]) -> None:
        """Repeat a write until the disk has room for it: what was accepted is not lost."""
        while True:
            try:
                await write()
            except StorageFull:
                log.warning("storage_full", waiting_s=_DISK_PATIENCE_S)
                await self._clock.sleep(_DISK_PATIENCE_S)
            else:
                return

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._lease_s / 3)
            await asyncio.gather(*(self._keep(run) for run in tuple(self._running)))

    async def _keep(self, run: Run) -> None:
        try:
            await self._service.heartbeat(run.job, lease_s=self._lease_s)
        except LeaseLost:
            await self._stop_lost(run)
        except StorageFull:
            log.warning("storage_full", job_id=run.job.job_id)
        except Exception:
            # The next heartbeat may do better, and the other jobs' must go on.
            log.exception("worker_broke", job_id=run.job.job_id)

    async def _stop_lost(self, run: Run) -> None:
        """Stop a run whose job is another's, or over: ended elsewhere, with no bell heard here."""
        job = run.job
        try:
            now = await self._service.get(job.job_id, workspace_id=job.workspace_id)
            is_ended = now.status.is_terminal
        except RingbackError:
            is_ended = False  # whatever keeps us from knowing, the run must not go on
        if is_ended:
            run.end()
        else:
            run.cancel()


def _result_of(job: Job, made: Made) -> JobResult:
    return JobResult(
        urls=(*(artifact_url(job, name) for name in made.artifacts), *made.links),
        style_id=made.style_id if made.trained is None else job.job_id,
        outputs=None if made.outputs is None else dict(made.outputs),
    )
