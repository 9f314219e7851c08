"""The side effects of an engine while it runs one job: progress, files and fetches."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

from ringback.clock import Clock
from ringback.egress.fetcher import Fetches
from ringback.errors import EngineError
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.names import artifact_url, shared_name
from ringback.files.artifacts.reading import copy_to, find_own
from ringback.jobs.model import JobStatus
from ringback.jobs.transitions import JobEvent
from ringback.service import JobService
from ringback.worker.running_job import RunningJob

_PROGRESS_EVERY_S = 0.25
_STYLE_GONE = "A requested style is gone, or is no longer shared; GET /styles lists them."


class JobIO:
    """``EngineIO`` for one job."""

    def __init__(
        self,
        run: RunningJob,
        service: JobService,
        artifacts: ArtifactStore,
        fetcher: Fetches,
        clock: Clock,
        lease_s: float,
    ) -> None:
        self._run = run
        self._service = service
        self._artifacts = artifacts
        self._fetcher = fetcher
        self._clock = clock
        self._lease_s = lease_s
        self._reported_at = -_PROGRESS_EVERY_S

    async def progress(self, fraction: float) -> None:
        """Write the progress, unless the last write was a moment ago."""
        now = self._clock.monotonic()
        if now - self._reported_at < _PROGRESS_EVERY_S:
            return
        self._reported_at = now
        await self._report(JobEvent.SAMPLE, progress=fraction)

    async def preview(self, artifact: str) -> None:
        """Show an artifact as the result so far."""
        self._run.previews.append(artifact)
        url = artifact_url(artifact, base_url=self._run.job.base_url)
        await self._report(JobEvent.PREVIEW, urls=(url,))

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Store a file and return its artifact name."""
        name = await self._artifacts.save(content, media_type=media_type)
        self._run.saved.append(name)
        return name

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Store a file that jobs share, unless it exists, and return its artifact name."""
        name = shared_name(content, media_type)
        if await self._artifacts.find(name) is None:
            await self._artifacts.put(name, content)
        return name

    async def remember(self, resume_state: str) -> None:
        """Store the resume state for a later run of the job."""
        self._run.job = await self._service.remember(
            self._run.job, resume_state=resume_state, lease_s=self._lease_s
        )

    async def style(self, name: str) -> bytes:
        """Return the file of a style that the job's engine learned."""
        style = await self._service.style_for(self._run.job, name)
        artifact = None if style is None else await self._artifacts.find(style.artifact)
        if artifact is None:
            raise EngineError(_STYLE_GONE)
        return b"".join([chunk async for chunk in self._artifacts.read(artifact)])

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the bytes of an input URL; our own artifacts are read without a request."""
        job = self._run.job
        own = await find_own(self._artifacts, url, base_url=job.base_url, bytes_max=bytes_max)
        if own is not None:
            return b"".join([chunk async for chunk in self._artifacts.read(own)])
        return await self._fetcher.get(url, bytes_max=bytes_max, workspace_id=job.workspace_id)

    async def download(self, url: str, path: Path, *, bytes_max: int) -> int:
        """Write the bytes of an input URL to a path and return their number."""
        job = self._run.job
        own = await find_own(self._artifacts, url, base_url=job.base_url, bytes_max=bytes_max)
        if own is not None:
            await copy_to(path, self._artifacts, own)
            return own.size_bytes
        await self._fetcher.download(url, path, bytes_max=bytes_max, workspace_id=job.workspace_id)
        return (await asyncio.to_thread(path.stat)).st_size

    def waiting(self) -> AbstractContextManager[None]:
        """Stop the job's time limit inside the context."""
        return self._run.time.paused()

    def is_over(self) -> bool:
        """Say whether the job has ended or run out of time."""
        return self._run.is_ended or self._run.time.is_over()

    async def _report(
        self,
        event: JobEvent,
        *,
        progress: float | None = None,
        urls: tuple[str, ...] | None = None,
    ) -> None:
        job = self._run.job
        started = (JobEvent.START,) if job.status is JobStatus.SCHEDULED else ()
        # The first report of progress only says that the engine has started.
        events = started if started and event is JobEvent.SAMPLE else (*started, event)
        self._run.job = await self._service.report(
            job, *events, lease_s=self._lease_s, progress=progress, urls=urls
        )
