"""The runner of every upstream engine: it submits once, polls, and downloads the result.

The provider's ticket is saved before the first poll, so that a restart continues the job instead of
paying twice. For a provider without idempotency keys, the start of the submission is saved too: if
the server stops before the ticket is known, the job fails rather than being submitted twice, unless
the operator set ``resend``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any

from ringback.clock import Clock
from ringback.engines.contract import EngineIO, EngineRequest, Made, note_of_unknown_type
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.delays import poll_delay_s
from ringback.engines.upstream.provider import File, Inputs, Provider, ProviderStatus, Submission
from ringback.engines.upstream.responses import Refusal, plain
from ringback.engines.upstream.result_files import FileLost, KeptFile, ResultFiles
from ringback.engines.upstream.resume import ResumeState, read_resume_state
from ringback.errors import (
    ArtifactsUnavailable,
    EngineError,
    FetchError,
    ProviderUnavailable,
    StorageFull,
    SubmissionUnknown,
)
from ringback.log import get_logger
from ringback.wakeups import Subscriptions

log = get_logger(__name__)

INPUT_BYTES_MAX = 75 << 20
FILES_MAX = 100
STRANGE_LOOKS_MAX = 5
"""Looks at a job in a row that find a status that is not known, before the job ends with it."""
PREVIEWS_MAX = 60  # they stay on disk until the job ends
TICKET_LENGTH_MAX = 4_096
_NOTES_MAX = 20
_LOSSES_MAX = 3  # the submissions of a job that its provider lost before it began
_CANCEL_S = 20.0
_STORE_WAIT_S = 5.0
_CLOSE_S = 5.0


class UpstreamEngine:
    """An engine that runs its jobs at a provider."""

    def __init__(
        self,
        name: str,
        provider: Provider,
        *,
        settings: UpstreamSettings,
        files: ResultFiles,
        webhook_url: Callable[[str], str | None],
        wakes: Subscriptions,
        clock: Clock,
        rng: Random,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self._provider = provider
        self._settings = settings
        self._files = files
        self._webhook_url = webhook_url
        self._wakes = wakes
        self._clock = clock
        self._rng = rng
        self._secrets = secrets
        self._cancellations: set[asyncio.Task[None]] = set()

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Run the job at the provider, or continue a job that an earlier run submitted."""
        wakeup = asyncio.Event()
        # Watch before the submission: a fast provider's webhook may come before its response.
        with self._wakes.watch(request.job_id, wakeup.set):
            return await self._run(request, io, wakeup)

    async def _run(self, request: EngineRequest, io: EngineIO, wakeup: asyncio.Event) -> Made:
        state = read_resume_state(request.resume_state)
        for is_last in (*(False,) * _LOSSES_MAX, True):
            ticket = state.ticket
            if ticket is None:
                submitted = await self._submit_once(request, io, state)
                if isinstance(submitted, ProviderStatus):
                    return await self._made(request, submitted, io, is_only_here=True)
                ticket = submitted
            try:
                status = await self._wait(ticket, io, wakeup, request.workspace_id)
                if status.status != "lost" or is_last:
                    return await self._made(request, status, io)
            except asyncio.CancelledError:
                # Only an ended job is cancelled there; a released one continues in a later run.
                if io.is_over():
                    self._in_background(self._cancel(request.job_id, ticket))
                raise
            log.warning("provider_lost_job", engine=self.name, job_id=request.job_id)
            state = ResumeState()
        raise AssertionError("the last turn returns or raises")

    async def close(self) -> None:
        """Wait briefly for pending cancellations, then close the adapter."""
        if self._cancellations:
            await asyncio.wait(self._cancellations, timeout=_CLOSE_S)
        for cancellation in tuple(self._cancellations):
            cancellation.cancel()
        await self._provider.close()

    # Submitting.

    async def _submit_once(
        self, request: EngineRequest, io: EngineIO, state: ResumeState
    ) -> str | ProviderStatus:
        once = not self._provider.is_idempotent
        if once and state.sent and not self._settings.resend:
            raise EngineError(
                f"The server was cut off while it submitted this job to the provider of "
                f"{self.name}; it may have been bought, and is not bought again."
            )
        await io.remember(ResumeState(sent=True).text())
        # A separate task: a cancelled job's submission must complete, or its ticket would be lost.
        submitting = asyncio.create_task(self._submit(request, io))
        try:
            submitted = await asyncio.shield(submitting)
            if isinstance(submitted, str):
                if len(submitted) > TICKET_LENGTH_MAX:
                    raise EngineError(f"The provider of {self.name} gave the job too long an id.")
                await io.remember(ResumeState(ticket=submitted).text())
        except asyncio.CancelledError:
            if io.is_over():
                self._in_background(self._cancel_once_submitted(request.job_id, submitting))
            else:
                submitting.cancel()
            raise
        return submitted

    async def _submit(self, request: EngineRequest, io: EngineIO) -> str | ProviderStatus:
        submission = Submission(
            job_id=request.job_id,
            kind=request.kind,
            model=self._model(request),
            input=request.input,
            webhook_url=self._webhook_url(request.job_id),
        )
        inputs = Inputs(io, base_url=request.base_url, bytes_max=INPUT_BYTES_MAX)
        until = self._clock.monotonic() + self._settings.patience_s
        attempts = 0
        while True:
            try:
                return await self._provider.submit(submission, inputs)
            except SubmissionUnknown:
                if not self._settings.resend or self._clock.monotonic() >= until:
                    raise
            except ProviderUnavailable:
                if self._clock.monotonic() >= until:
                    raise
            except FetchError as exc:
                raise EngineError(f"An input could not be fetched: {exc.words}.") from exc
            await self._clock.sleep(self._delay_s(attempts))
            attempts += 1

    def _model(self, request: EngineRequest) -> str:
        return self._settings.name_of(request.kind, request.model)

    # Polling.

    async def _wait(
        self, ticket: str, io: EngineIO, wakeup: asyncio.Event, workspace_id: str
    ) -> ProviderStatus:
        """Poll until the job has ended at the provider; the worker enforces the time limit."""
        shown: File | None = None
        polls = shown_count = strange_count = 0
        while True:
            await self._pause(polls, wakeup)
            polls += 1
            try:
                status = await self._provider.poll(ticket)
            except ProviderUnavailable:
                continue  # an accepted job is waited for until its own time limit
            except Refusal:
                # Some providers do not know a new job yet, and gateways answer for them.
                strange_count += 1
                if strange_count < STRANGE_LOOKS_MAX:
                    continue
                raise
            if status.status == "unknown":
                strange_count += 1
                if strange_count < STRANGE_LOOKS_MAX:
                    continue
            if status.status != "waiting":
                return status
            strange_count = 0
            if status.fraction is not None and 0 <= status.fraction <= 1:
                await io.progress(status.fraction)
            if status.preview not in (None, shown) and shown_count < PREVIEWS_MAX:
                shown = status.preview
                shown_count += 1
                await self._show(status.preview, io, workspace_id)

    async def _pause(self, polls: int, wakeup: asyncio.Event) -> None:
        """Return when the next poll is due, or a webhook has announced a change."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(self._delay_s(polls))),
            asyncio.ensure_future(wakeup.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        wakeup.clear()

    def _delay_s(self, attempts: int) -> float:
        settings = self._settings
        return poll_delay_s(
            attempts, first_s=settings.poll_s, most_s=settings.poll_s_max, rng=self._rng
        )

    async def _show(self, preview: File, io: EngineIO, workspace_id: str) -> None:
        with suppress(EngineError):  # a failed preview must not fail the job
            kept = await self._files.keep_preview(preview, io, workspace_id=workspace_id)
            await io.preview(kept)

    # Ending.

    async def _made(
        self,
        request: EngineRequest,
        status: ProviderStatus,
        io: EngineIO,
        *,
        is_only_here: bool = False,
    ) -> Made:
        """Return the result, its files stored; ``is_only_here`` if no later run could get it."""
        job_id = request.job_id
        log.info("provider_ended", engine=self.name, job_id=job_id, status=status.status)
        if cost := plain(status.cost, self._secrets):
            log.info("provider_charged", engine=self.name, job_id=job_id, cost=cost)
        if status.status == "cancelled":
            raise EngineError(f"The job was cancelled at the provider of {self.name}.")
        if status.status == "lost":
            raise EngineError(f"The provider of {self.name} lost the job again and again.")
        if status.status in ("failed", "unknown"):
            message = plain(status.error, self._secrets).rstrip(".")
            detail = f": {message}." if message else "."
            raise EngineError(f"The job failed at the provider of {self.name}{detail}")
        assert status.status == "completed"
        return await self._all_kept(request, status, io, waits=is_only_here)

    async def _all_kept(
        self, request: EngineRequest, status: ProviderStatus, io: EngineIO, *, waits: bool
    ) -> Made:
        """Store the files of a completed job, without those that are lost; not all may be."""
        artifacts, links, notes = [], [], list(status.notes)
        lost: FileLost | None = None
        for number, file in enumerate(status.files[:FILES_MAX], 1):
            try:
                if file.url is not None and not self._settings.copy_results:
                    links.append(self._files.link(file.url, own_url=request.base_url))
                    continue
                kept = await self._kept(file, request, io, waits=waits)
            except FileLost as exc:
                lost = lost or exc
                notes.append(f"File {number} is missing: {exc.words}.")
                continue
            artifacts.append(kept.name)
            if not kept.is_known:
                notes.append(note_of_unknown_type(number))
        if lost is not None and not artifacts and not links:
            raise lost
        if len(status.files) > FILES_MAX:
            notes.append(f"The provider made more than {FILES_MAX} files; the others are not kept.")
        if notes:
            log.warning(
                "result_incomplete", engine=self.name, job_id=request.job_id, detail=" ".join(notes)
            )
        return Made(
            artifacts=tuple(artifacts),
            links=tuple(links),
            style_id=status.style_id,
            outputs=status.outputs,
            notes=tuple(plain(note, self._secrets) for note in notes[:_NOTES_MAX]),
        )

    async def _kept(
        self, file: File, request: EngineRequest, io: EngineIO, *, waits: bool
    ) -> KeptFile:
        """Store a file; ``waits``: until the store works again."""
        while True:
            try:
                return await self._files.keep(file, io, workspace_id=request.workspace_id)
            except (ArtifactsUnavailable, StorageFull) as exc:
                if not waits:
                    raise  # the job's ticket stays, and a later run gets the file again
                log.warning("result_waits", job_id=request.job_id, detail=str(exc))
            with io.waiting():
                await self._clock.sleep(_STORE_WAIT_S)

    # Cancelling runs in the background, because the run itself must stop at once.

    def _in_background(self, cancellation: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(cancellation)
        self._cancellations.add(task)
        task.add_done_callback(self._cancellations.discard)

    async def _cancel_once_submitted(
        self, job_id: str, submitting: asyncio.Task[str | ProviderStatus]
    ) -> None:
        submitted: str | ProviderStatus | None = None
        with suppress(TimeoutError, EngineError, FetchError):
            async with asyncio.timeout(_CANCEL_S):
                submitted = await submitting
        if isinstance(submitted, str):
            await self._cancel(job_id, submitted)

    async def _cancel(self, job_id: str, ticket: str) -> None:
        try:
            async with asyncio.timeout(_CANCEL_S):
                await self._provider.cancel(ticket)
        except (TimeoutError, EngineError) as exc:
            detail = plain(str(exc) or "it took too long", self._secrets)
            log.warning("provider_not_cancelled", engine=self.name, job_id=job_id, detail=detail)
        else:
            log.info("provider_cancelled", engine=self.name, job_id=job_id)
