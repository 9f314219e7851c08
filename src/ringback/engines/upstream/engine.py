"""The runner of every upstream engine: buys once, waits, brings the result home.

The provider's ticket is written down before the first look, so that a restart goes on instead of
buying again. Where the provider takes no idempotency key, it is also written down that a
submission is under way: cut off there, the job fails rather than being bought twice, unless the
operator chose ``resend``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any

from ringback.clock import Clock
from ringback.doorbell import Watchers
from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.delays import poll_delay_s
from ringback.engines.upstream.files import Files
from ringback.engines.upstream.memo import Memo, read_memo
from ringback.engines.upstream.provider import File, Inputs, Look, Order, Provider
from ringback.engines.upstream.said import plain
from ringback.errors import AnswerLost, EngineError, FetchError, ProviderAway
from ringback.log import get_logger

log = get_logger(__name__)

INPUT_BYTES_MAX = 75 << 20
FILES_MAX = 100
PREVIEWS_MAX = 60  # they stay on the disk until the job ends
TICKET_LENGTH_MAX = 4_096
_CANCEL_S = 20.0
_CLOSE_S = 5.0


class UpstreamEngine:
    """Has jobs made by a provider."""

    def __init__(
        self,
        name: str,
        provider: Provider,
        *,
        settings: UpstreamSettings,
        files: Files,
        hook_url: Callable[[str], str | None],
        wakes: Watchers,
        clock: Clock,
        rng: Random,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self._provider = provider
        self._settings = settings
        self._files = files
        self._hook_url = hook_url
        self._wakes = wakes
        self._clock = clock
        self._rng = rng
        self._secrets = secrets
        self._errands: set[asyncio.Task[None]] = set()  # cancellations under way

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Have the job made, or go on with what an earlier run had bought."""
        news = asyncio.Event()
        # From before the submission: a quick provider's webhook may be here before its answer.
        with self._wakes.watch(request.job_id, news.set):
            return await self._run(request, io, news)

    async def _run(self, request: EngineRequest, io: EngineIO, news: asyncio.Event) -> Made:
        memo = read_memo(request.memo)
        ticket = memo.ticket
        if ticket is None:
            bought = await self._buy(request, io, memo)
            if isinstance(bought, Look):
                return await self._made(request, bought, io)
            ticket = bought
        try:
            return await self._made(request, await self._wait(ticket, io, news), io)
        except asyncio.CancelledError:
            # Given back, or lost to another worker, it goes on at the provider.
            if io.is_over():
                self._on_errand(self._cancel(request.job_id, ticket))
            raise

    async def close(self) -> None:
        """Give cancellations under way a moment to come to their end."""
        if self._errands:
            await asyncio.wait(self._errands, timeout=_CLOSE_S)
        for errand in tuple(self._errands):
            errand.cancel()
        await self._provider.close()

    # Buying.

    async def _buy(self, request: EngineRequest, io: EngineIO, memo: Memo) -> str | Look:
        once = not self._provider.is_idempotent
        if once and memo.sent and not self._settings.resend:
            raise EngineError(
                f"The server was cut off while it submitted this job to the provider of "
                f"{self.name}; it may have been bought, and is not bought again."
            )
        await io.remember(Memo(sent=True).text())
        # A task of its own: a cancelled job's submission is let end, or its ticket were lost.
        submission = asyncio.create_task(self._submitted(request, io))
        try:
            bought = await asyncio.shield(submission)
            if isinstance(bought, str):
                if len(bought) > TICKET_LENGTH_MAX:
                    raise EngineError(f"The provider of {self.name} gave the job too long an id.")
                await io.remember(Memo(ticket=bought).text())
        except asyncio.CancelledError:
            if io.is_over():
                self._on_errand(self._cancel_when_bought(request.job_id, submission))
            else:
                submission.cancel()
            raise
        return bought

    async def _submitted(self, request: EngineRequest, io: EngineIO) -> str | Look:
        order = Order(
            job_id=request.job_id,
            kind=request.kind,
            model=self._model(request),
            input=request.input,
            hook_url=self._hook_url(request.job_id),
        )
        inputs = Inputs(io, base_url=request.base_url, bytes_max=INPUT_BYTES_MAX)
        until = self._clock.monotonic() + self._settings.patience_s
        attempts = 0
        while True:
            try:
                return await self._provider.submit(order, inputs)
            except AnswerLost:
                if not self._settings.resend or self._clock.monotonic() >= until:
                    raise
            except ProviderAway:
                if self._clock.monotonic() >= until:
                    raise
            except FetchError as exc:
                raise EngineError(f"An input could not be fetched: {exc.reason}.") from exc
            await self._clock.sleep(self._delay_s(attempts))
            attempts += 1

    def _model(self, request: EngineRequest) -> str:
        named = self._settings.models
        return named.get(f"{request.kind}/{request.model}") or named.get(
            request.model, request.model
        )

    # Waiting.

    async def _wait(self, ticket: str, io: EngineIO, news: asyncio.Event) -> Look:
        """Look until the job has ended at the provider; the time limit is the worker's."""
        shown: File | None = None
        looks = shown_count = 0
        while True:
            await self._pause(looks, news)
            looks += 1
            try:
                look = await self._provider.look(ticket)
            except ProviderAway:
                continue  # what was bought is waited for, as long as the job may take
            if look.status != "waiting":
                return look
            if look.fraction is not None and 0 <= look.fraction <= 1:
                await io.progress(look.fraction)
            if look.preview not in (None, shown) and shown_count < PREVIEWS_MAX:
                shown = look.preview
                shown_count += 1
                await self._show(look.preview, io)

    async def _pause(self, looks: int, news: asyncio.Event) -> None:
        """Return when it is time for the next look, or a webhook says that there is news."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(self._delay_s(looks))),
            asyncio.ensure_future(news.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        news.clear()

    def _delay_s(self, asked: int) -> float:
        settings = self._settings
        return poll_delay_s(
            asked, first_s=settings.poll_s, most_s=settings.poll_s_max, rng=self._rng
        )

    async def _show(self, preview: File, io: EngineIO) -> None:
        with suppress(EngineError):  # a job is not lost over its preview
            await io.preview(await self._files.keep_preview(preview, io))

    # Ending.

    async def _made(self, request: EngineRequest, look: Look, io: EngineIO) -> Made:
        job_id = request.job_id
        log.info("provider_ended", engine=self.name, job_id=job_id, status=look.status)
        if cost := plain(look.cost, self._secrets):
            log.info("provider_charged", engine=self.name, job_id=job_id, cost=cost)
        if look.status == "cancelled":
            raise EngineError(f"The job was cancelled at the provider of {self.name}.")
        if look.status == "failed":
            words = plain(look.error, self._secrets).rstrip(".")
            because = f": {words}." if words else "."
            raise EngineError(f"The job failed at the provider of {self.name}{because}")
        assert look.status == "completed"
        if len(look.files) > FILES_MAX:
            raise EngineError(f"The provider of {self.name} made more than {FILES_MAX} files.")
        artifacts, links = [], []
        for file in look.files:
            if file.url is not None and not self._settings.copy_results:
                links.append(self._link(file.url))
            else:
                artifacts.append(await self._files.keep(file, io))
        return Made(
            artifacts=tuple(artifacts),
            links=tuple(links),
            style_id=look.style_id,
            outputs=look.outputs,
        )

    def _link(self, url: str) -> str:
        """Return a provider's link, if it is one that users may be given."""
        try:
            parse_target(url)
        except MalformedTarget as exc:
            raise EngineError(f"The provider of {self.name} named a result by no URL.") from exc
        return url

    # Cancelling: beside the run, which must stop at once.

    def _on_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _cancel_when_bought(self, job_id: str, submission: asyncio.Task[str | Look]) -> None:
        bought: str | Look | None = None
        with suppress(TimeoutError, EngineError, FetchError):
            async with asyncio.timeout(_CANCEL_S):
                bought = await submission
        if isinstance(bought, str):
            await self._cancel(job_id, bought)

    async def _cancel(self, job_id: str, ticket: str) -> None:
        try:
            async with asyncio.timeout(_CANCEL_S):
                await self._provider.cancel(ticket)
        except (TimeoutError, EngineError) as exc:
            detail = plain(str(exc) or "it took too long", self._secrets)
            log.warning("provider_not_cancelled", engine=self.name, job_id=job_id, detail=detail)
        else:
            log.info("provider_cancelled", engine=self.name, job_id=job_id)
