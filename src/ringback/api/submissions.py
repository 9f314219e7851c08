"""``POST /generate/{kind}/{model}`` and ``POST /styles/train``: a job is asked for and, once it is
durable, promised.

The first is the one route that must be fast, so it is plain ASGI: the router and its request object
would double what it costs (20 µs more). The order of its steps is a promise too: nothing of a
stranger's body is read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ringback.api.answers import Answer, RawHeader, ok
from ringback.api.auth import Authenticator, Opened
from ringback.api.bodies import read_object
from ringback.api.deps import ApiDeps
from ringback.api.documents import submitted_document, whole_document
from ringback.api.headers import (
    RequestHeaders,
    headers_of,
    idempotency_key,
    invalid_header,
    preferred_wait_s,
    priority,
    webhook_events,
)
from ringback.api.hosts import base_url_of
from ringback.api.lab import refusal
from ringback.api.targets import judge_target
from ringback.api.waiting import wait_for_end
from ringback.artifacts.reading import artifact_name
from ringback.catalogue.catalogue import Model, ValidInput
from ringback.catalogue.media import media_in, styles_in
from ringback.catalogue.pricing import cost_of
from ringback.errors import (
    Draining,
    MethodNotAllowed,
    RouteNotFound,
)
from ringback.lab.faults import NO_FAULTS
from ringback.service import GenerationRequest
from ringback.styles.model import member_of

PREFIX = "/generate/"

_TRAINING = '{"name": "ink", "urls": ["https://example.com/ink.png"]}'
_PATH_LENGTH_MAX = 200  # near matches are looked for, which takes time in the length
# RFC 9745: since 2026-05-27, when the public API description already had the camelCase names as
# deprecated (it tells when they end, and not when they began to).
_DEPRECATED: RawHeader = (b"deprecation", b"@1779840000")
REPLAYED: RawHeader = (b"idempotency-replayed", b"true")


class Submissions:
    """The route that makes jobs."""

    def __init__(self, deps: ApiDeps, authenticator: Authenticator) -> None:
        self._service = deps.service
        self._catalogue = deps.catalogue
        self._assets = deps.assets
        self._styles = deps.styles
        self._policy = deps.policy
        self._authenticator = authenticator
        self._faults = deps.faults
        self._body_bytes_max = deps.settings.body_bytes_max
        self._clock = deps.clock
        self._models: dict[str, Model] = {}
        # Judging a URL costs more than all else here, and clients send the same few.
        self._judged = lru_cache(maxsize=4096)(self._judge)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the job and answer, or raise what is wrong."""
        if scope["method"] != "POST":
            raise MethodNotAllowed(scope["method"], ("POST",))
        headers = headers_of(scope)
        opened = await self._authenticator.opened_by(scope)
        self._check_open()
        model = self._model(scope["path"])
        self._check_available(model)
        body = await read_object(headers, receive, self._body_bytes_max)
        answer = await self._submit(model, body, opened, scope, receive)
        await answer(scope, receive, send)

    async def train(self, request: Request, opened: Opened) -> Answer:
        """Make the job that trains a style; the body names the model that it is trained for."""
        self._check_open()
        headers = headers_of(request.scope)
        body = await read_object(headers, request.receive, self._body_bytes_max, like=_TRAINING)
        model = self._catalogue.training(body)
        return await self._submit(model, body, opened, request.scope, request.receive)

    async def _submit(
        self, model: Model, body: dict[str, Any], opened: Opened, scope: Scope, receive: Receive
    ) -> Answer:
        headers = headers_of(scope)
        valid = self.validate(model, body)
        asked = await self.asked_for(
            model,
            valid,
            headers,
            workspace_id=opened.workspace_id,
            token_id=opened.token_id,
            base_url=base_url_of(scope),
        )
        if isinstance(asked, Answer):
            return asked
        accepted = await self._service.submit(asked)
        told = [(b"location", b"/jobs/" + accepted.job.job_id.encode())]
        if accepted.replayed:
            told.append(REPLAYED)
        if model.sunset is not None:
            told.extend(model.sunset.headers())
        elif valid.deprecated:
            told.append(_DEPRECATED)
        timeout_s = preferred_wait_s(headers)
        if timeout_s is None:
            document = submitted_document(accepted.job)
        else:
            # Whoever prefers to wait wants the job as it then is, and not its beginning.
            told.append((b"preference-applied", b"wait=%d" % timeout_s))
            job = await wait_for_end(
                self._service, accepted.job, timeout_s=timeout_s, receive=receive
            )
            document = whole_document(job)
        return ok(document, told)

    def _check_open(self) -> None:
        if self._service.is_draining:
            raise Draining("The server is going down; try again in a moment.")

    def validate(self, model: Model, body: dict[str, Any]) -> ValidInput:
        """Return the body completed, or raise ``InvalidRequest`` naming each wrong field.

        Raises ``ModelUnavailable`` for a model that has passed its sunset.
        """
        self._check_available(model)
        return self._catalogue.validate(model, body)

    async def asked_for(
        self,
        model: Model,
        valid: ValidInput,
        headers: RequestHeaders,
        *,
        workspace_id: str,
        base_url: str,
        token_id: str | None = None,
    ) -> GenerationRequest | Answer:
        """Return what is asked for by a valid input and the headers, its targets judged.

        In dev it may be the answer of a fault that refuses the job.
        """
        await self.judge_media(model, valid.input, base_url, workspace_id)
        await self.judge_styles(model, valid.input, workspace_id, token_id)
        faults = None if self._faults is None else self._faults.of(headers, model=model.id)
        if faults is not None and faults.answer is not None:
            return refusal(faults.answer)
        return GenerationRequest(
            workspace_id=workspace_id,
            kind=model.kind,
            model=model.id,
            type=model.type,
            engine=model.engine,
            input=valid.input,
            base_url=base_url,
            webhook_url=self._webhook_url(headers),
            webhook_events=webhook_events(headers),
            idempotency_key=idempotency_key(headers),
            priority=priority(headers),
            compute_units=cost_of(model, valid.input),
            token_id=token_id,
            lab=None if faults in (None, NO_FAULTS) else str(faults),
        )

    def _model(self, path: str) -> Model:
        model = self._models.get(path)
        if model is None:
            kind, _, model_id = path.removeprefix(PREFIX).partition("/")
            if not model_id or len(path) > _PATH_LENGTH_MAX:
                raise RouteNotFound("There is no such route; GET /models lists the models.")
            # Only models that exist are remembered, so there can be no more than they.
            model = self._models[path] = self._catalogue.find(kind, model_id)
        return model

    def _check_available(self, model: Model) -> None:
        if model.sunset is not None and self._clock.now_ms() >= model.sunset.begins_at:
            raise model.sunset.unavailable(f"{model.kind}/{model.id}")

    async def judge_media(
        self, model: Model, values: dict[str, Any], base_url: str, workspace_id: str
    ) -> None:
        """Raise ``InvalidRequest`` for an input URL that could never be fetched, or not by them.

        Our own artifacts are read where they lie; they and ``data:`` URIs are not called.
        """
        for path, text in media_in(model.parameters, values):
            if artifact_name(text, base_url=base_url) is not None:
                await self._assets.check_usable(
                    text, base_url=base_url, workspace_id=workspace_id, path=path
                )
            elif text[:5].lower() != "data:":
                judge_target(self._policy, text, path=path)

    async def judge_styles(
        self, model: Model, values: dict[str, Any], workspace_id: str, token_id: str | None
    ) -> None:
        """Raise ``InvalidRequest`` for styles that they may not use, or the engine cannot."""
        if styles := styles_in(model.parameters, values):
            member = member_of(workspace_id, token_id)
            await self._styles.check_usable(styles, member=member, engine=model.engine)

    def _webhook_url(self, headers: RequestHeaders) -> str | None:
        value = headers.get(b"x-webhook-url")
        return None if value is None else self._judged(value)

    def _judge(self, value: bytes) -> str:
        """Return a URL that may be called, or raise ``InvalidTarget`` naming the header."""
        try:
            url = value.decode()
        except UnicodeDecodeError as exc:
            raise invalid_header("x-webhook-url", "is not UTF-8 text") from exc
        if not url:
            raise invalid_header("x-webhook-url", "is empty; leave it out to get no webhook")
        return judge_target(self._policy, url, path="header:X-Webhook-URL")
