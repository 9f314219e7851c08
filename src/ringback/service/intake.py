"""Intake turns values into a request that may be submitted, or raises an error that names a fault.

The API, the page, node app runs and MCP all submit through it. A valid request has an input
that its model takes, media, styles and a webhook URL that its principal may use, and a price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ringback.catalogue.catalogue import Catalogue, Model, ValidInput
from ringback.catalogue.media_fields import media_in, styles_in
from ringback.catalogue.pricing import cost_of
from ringback.catalogue.seeds import SEED, SeedRange
from ringback.clock import Clock
from ringback.egress.policy import TargetPolicy, check_target
from ringback.errors import (
    AssetNotFound,
    BodyTooLarge,
    FieldError,
    InvalidRequest,
    SimulatedRefusal,
)
from ringback.jobs.model import Job, JobRequest
from ringback.jobs.requested_faults import NO_FAULTS, Faults, PreparedAnswer
from ringback.jobs.store import Idempotency
from ringback.service.assets import AssetService
from ringback.service.media_inputs import Media, MediaInputs, StoredMedia, is_longer, replaced
from ringback.service.node_apps import AppInputs, Execution
from ringback.service.request_files import RequestFiles
from ringback.service.styles import StyleService
from ringback.service.tokens import Principal
from ringback.styles.model import member_of

_WEBHOOK_URL = "header:X-Webhook-URL"


class Options(Struct, frozen=True, kw_only=True):
    """The values beside a model's input that a client may submit."""

    webhook_url: str | None = None
    webhook_events: tuple[str, ...] = ()  # empty: the three ends
    idempotency_key: str | None = None
    priority: int = 0
    faults: str | None = None  # in the grammar of the lab


class GenerationRequest(JobRequest, frozen=True, kw_only=True):
    """A request that may be submitted."""

    idempotency_key: str | None = None
    completed: dict[str, Any] | None = None  # the input with all defaults, its files by content
    seeds: SeedRange | None = None  # from which the job's seed is drawn

    @property
    def fingerprint(self) -> str:
        """Return the digest that repeated requests under one idempotency key must share."""
        values = self.input if self.completed is None else self.completed
        parts = (self.kind, self.model, values, self.webhook_url, *self.webhook_events)
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()

    def idempotency(self, kept_since_ms: int) -> Idempotency | None:
        """Return the key by which a repetition of this request is known, or None without one."""
        if self.idempotency_key is None:
            return None
        return Idempotency(
            key=self.idempotency_key, fingerprint=self.fingerprint, kept_since_ms=kept_since_ms
        )

    def job(self, *, job_id: str, now_ms: int) -> Job:
        """Return the job that this requests, with a seed of its own where none was given."""
        values = self.input
        if self.seeds is not None:
            values = values | {SEED: self.seeds.drawn(job_id)}
        # Keywords from a dict would take five times as long.
        return Job(
            job_id=job_id,
            created_at_ms=now_ms,
            workspace_id=self.workspace_id,
            kind=self.kind,
            model=self.model,
            type=self.type,
            engine=self.engine,
            input=values,
            base_url=self.base_url,
            webhook_url=self.webhook_url,
            webhook_events=self.webhook_events,
            lab=self.lab,
            priority=self.priority,
            compute_units=self.compute_units,
            token_id=self.token_id,
            input_files=self.input_files,
        )


class FaultChooser(Protocol):
    """The emulator's lab, which decides the faults of each job."""

    def of(self, text: str | None, *, model: str, workspace_id: str) -> Faults:
        """Return the faults of the workspace's next job, or raise ``InvalidFaults``."""

    def prepared(self) -> Sequence[PreparedAnswer]:
        """Return the prepared answers in force, in the order in which they are tried."""


class Intake:
    """Checks and completes submissions; of them only the files in data URIs are stored."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        assets: AssetService,
        media: MediaInputs,
        files: RequestFiles,
        styles: StyleService,
        policy: TargetPolicy,
        clock: Clock,
        document_bytes_max: int,
        faults: FaultChooser | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._assets = assets
        self._media = media
        self._files = files
        self._document_bytes_max = document_bytes_max
        self._styles = styles
        self._policy = policy
        self._clock = clock
        self._faults = faults
        # Parsing a URL costs more than all else here, and clients send the same few.
        self._check_webhook_url = lru_cache(maxsize=4096)(self._checked_webhook_url)

    def check_available(self, model: Model) -> None:
        """Raise ``ModelUnavailable`` for a model that has passed its sunset."""
        if model.sunset is not None and self._clock.now_ms() >= model.sunset.begins_at:
            raise model.sunset.unavailable(f"{model.kind}/{model.id}")

    def validate(self, model: Model, body: Mapping[str, Any]) -> ValidInput:
        """Return the body checked, or raise ``InvalidRequest`` naming each wrong field.

        Raises ``ModelUnavailable`` for a model that has passed its sunset.
        """
        self.check_available(model)
        return self._catalogue.validate(model, body)

    async def request(
        self,
        model: Model,
        valid: ValidInput,
        options: Options,
        *,
        principal: Principal,
        base_url: str,
        compute_units: float | None = None,
    ) -> GenerationRequest:
        """Return the request of a validated input, at the model's price or at ``compute_units``.

        Raises ``InvalidRequest`` for media, styles, faults or a webhook URL that cannot be used,
        ``BodyTooLarge`` for an input that is large without its files, and ``SimulatedRefusal``
        where the faults refuse the job.
        """
        media = await self._check_references(model, valid.completed, principal, base_url)
        faults = self._faults_of(options, model, principal)
        if faults is not None and faults.answer is not None:
            raise SimulatedRefusal(faults.answer)
        if options.webhook_url is not None:
            self._check_webhook_url(options.webhook_url)
        request = request_for(
            model,
            valid,
            options,
            principal=principal,
            base_url=base_url,
            compute_units=cost_of(model, valid.completed)
            if compute_units is None
            else compute_units,
            lab=None if faults in (None, NO_FAULTS) else str(faults),
        )
        if is_longer(valid.input, self._document_bytes_max, media=media):
            raise BodyTooLarge(self._document_bytes_max, setting="body_bytes_max")
        if not media:
            return request
        return await self._with_files(request, media)

    async def request_run(
        self,
        inputs: AppInputs,
        take: Callable[[AppInputs], Execution],
        options: Options,
        *,
        principal: Principal,
        base_url: str,
    ) -> GenerationRequest:
        """Return the request of a node app's run, or raise ``InvalidRequest``.

        The run has the price of its steps, so that it cannot start without budget for them; only
        the steps are charged.
        """
        values = inputs.valid.input
        media = await self._check_references(inputs.model, values, principal, base_url)
        # Files are stored first, because the steps' inputs have room for their URLs alone.
        stored = await self._media.store(media, base_url=base_url)
        async with self._files.kept(stored.files):
            completed = replaced(inputs.valid.completed, stored.urls)
            valid = replace(inputs.valid, input=replaced(values, stored.urls), completed=completed)
            execution = take(replace(inputs, valid=valid))
            request = await self._request_of(execution, options, principal, base_url)
        return _with_stored(request, stored)

    async def _request_of(
        self, execution: Execution, options: Options, principal: Principal, base_url: str
    ) -> GenerationRequest:
        for step, asset_id in execution.asset_ids.items():
            try:
                await self._assets.get(asset_id.lower(), workspace_id=principal.workspace_id)
            except AssetNotFound as exc:
                path = f"/steps/{step}/asset"
                raise InvalidRequest(f"{path[1:]}: {exc}", [FieldError(path, str(exc))]) from exc
        for step, model, values in execution.inputs:
            try:
                await self._check_references(model, values, principal, base_url)
            except InvalidRequest as exc:
                path = f"/steps/{step}/input"
                details = [FieldError(path + one.path, one.message) for one in exc.details]
                raise InvalidRequest(
                    f"The step {step} cannot use its input: {exc}", details
                ) from exc
        return await self.request(
            execution.model,
            execution.valid,
            options,
            principal=principal,
            base_url=base_url,
            compute_units=execution.compute_units,
        )

    def _faults_of(self, options: Options, model: Model, principal: Principal) -> Faults | None:
        if self._faults is None:
            return None
        return self._faults.of(options.faults, model=model.id, workspace_id=principal.workspace_id)

    async def read_media(self, text: str, *, path: str, workspace_id: str, base_url: str) -> Media:
        """Return the file that a text names, or raise ``InvalidRequest`` with the path."""
        return await self._media.read(text, path=path, workspace_id=workspace_id, base_url=base_url)

    async def _check_references(
        self, model: Model, values: dict[str, Any], principal: Principal, base_url: str
    ) -> dict[str, Media]:
        """Return the files that an input names, by the texts that name them.

        Raises ``InvalidRequest`` for media and styles that the principal or engine cannot use.
        """
        workspace_id = principal.workspace_id
        media = await self._media.settle(
            media_in(model.parameters, values), workspace_id=workspace_id, base_url=base_url
        )
        if styles := styles_in(model.parameters, values):
            member = member_of(workspace_id, principal.token_id)
            await self._styles.check_usable(styles, member=member, engine=model.engine)
        return media

    async def _with_files(
        self, request: GenerationRequest, media: Mapping[str, Media]
    ) -> GenerationRequest:
        """Return the request with each file under its plain URL, and long data URIs stored."""
        stored = await self._media.store(media, base_url=request.base_url)
        if all(text == url for text, url in stored.urls.items()):
            return request
        completed = replaced(request.completed, stored.urls)
        request = replace(request, input=replaced(request.input, stored.urls), completed=completed)
        return _with_stored(request, stored)

    def _checked_webhook_url(self, url: str) -> None:
        check_target(self._policy, url, path=_WEBHOOK_URL)


def _with_stored(request: GenerationRequest, stored: StoredMedia) -> GenerationRequest:
    """Return the request with its stored files; a repeated one is known by their contents."""
    return replace(
        request,
        completed=replaced(request.completed, stored.contents),
        input_files=(*stored.files, *request.input_files),
    )


def request_for(
    model: Model,
    valid: ValidInput,
    options: Options,
    *,
    principal: Principal,
    base_url: str,
    compute_units: float | None,
    lab: str | None = None,
) -> GenerationRequest:
    """Return the request of values that have been checked."""
    return GenerationRequest(
        workspace_id=principal.workspace_id,
        kind=model.kind,
        model=model.id,
        type=model.type,
        engine=model.engine,
        input=valid.input,
        completed=valid.completed,
        seeds=valid.seeds,
        base_url=base_url,
        webhook_url=options.webhook_url,
        webhook_events=options.webhook_events,
        idempotency_key=options.idempotency_key,
        priority=options.priority,
        compute_units=compute_units,
        token_id=principal.token_id,
        lab=lab,
    )
