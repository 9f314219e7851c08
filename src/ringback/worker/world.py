"""What an engine may do to the world while it runs one job."""

from __future__ import annotations

from pathlib import Path

from ringback.artifacts.contract import ArtifactStore
from ringback.artifacts.names import shared_name
from ringback.artifacts.reading import read_own
from ringback.clock import Clock
from ringback.egress.fetch import Fetch
from ringback.errors import EngineError
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.transitions import JobEvent
from ringback.service import Service
from ringback.worker.run import Run

_PROGRESS_EVERY_S = 0.25
_STYLE_GONE = "A style that was asked for is gone, or is no longer shared; GET /styles lists them."


class JobIO:
    """What the engine may do to the world, for one job."""

    def __init__(
        self,
        run: Run,
        service: Service,
        artifacts: ArtifactStore,
        fetch: Fetch,
        clock: Clock,
        lease_s: float,
    ) -> None:
        self._run = run
        self._service = service
        self._artifacts = artifacts
        self._fetch = fetch
        self._clock = clock
        self._lease_s = lease_s
        self._reported_at = -_PROGRESS_EVERY_S

    async def progress(self, fraction: float) -> None:
        """Write the progress, unless the last one was written a moment ago."""
        now = self._clock.monotonic()
        if now - self._reported_at < _PROGRESS_EVERY_S:
            return
        self._reported_at = now
        await self._report(JobEvent.SAMPLE, progress=fraction)

    async def preview(self, artifact: str) -> None:
        """Show an artifact as the result so far."""
        self._run.previews.append(artifact)
        await self._report(JobEvent.PREVIEW, urls=(artifact_url(self._run.job, artifact),))

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file and return its artifact name."""
        name = await self._artifacts.save(content, media_type=media_type)
        self._run.saved.append(name)
        return name

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Keep a file that jobs share, unless it is there, and return its artifact name."""
        name = shared_name(content, media_type)
        if await self._artifacts.find(name) is None:
            await self._artifacts.put(name, content)
        return name

    async def remember(self, memo: str) -> None:
        """Write down what a later run of the job must know."""
        self._run.job = await self._service.remember(
            self._run.job, memo=memo, lease_s=self._lease_s
        )

    async def style(self, name: str) -> bytes:
        """Return what the job's engine learned of a style."""
        style = await self._service.style_for(self._run.job, name)
        found = None if style is None else await self._artifacts.find(style.artifact)
        if found is None:
            raise EngineError(_STYLE_GONE)
        return b"".join([chunk async for chunk in self._artifacts.read(found)])

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the bytes behind an input URL; our own artifacts are read where they lie."""
        base_url = self._run.job.base_url
        own = await read_own(self._artifacts, url, base_url=base_url, bytes_max=bytes_max)
        return await self._fetch(url, bytes_max=bytes_max) if own is None else own

    def is_over(self) -> bool:
        """Say whether the job has ended or run out of time."""
        return self._run.is_ended or self._run.is_out_of_time()

    async def _report(
        self,
        event: JobEvent,
        *,
        progress: float | None = None,
        urls: tuple[str, ...] | None = None,
    ) -> None:
        job = self._run.job
        started = (JobEvent.START,) if job.status is JobStatus.SCHEDULED else ()
        # The first report of progress says that the engine has started, and no more.
        events = started if started and event is JobEvent.SAMPLE else (*started, event)
        self._run.job = await self._service.report(
            job, *events, lease_s=self._lease_s, progress=progress, urls=urls
        )


def artifact_url(job: Job, name: str) -> str:
    """Return where a job's client gets an artifact."""
    return f"{job.base_url}/artifacts/{name}"
