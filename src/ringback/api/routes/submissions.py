"""``POST /generate/{kind}/{model}``, ``/styles/train`` and ``/export/3d``: submissions of jobs.

The first route has most of the traffic, so it is plain ASGI: the router and its request object
would double its cost (20 µs more). The order of its steps is a promise: the server reads a body
only for a principal and a model that exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import date as Day
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ringback.api.documents.jobs import submitted_document, whole_document
from ringback.api.services import ApiServices
from ringback.catalogue.catalogue import Model
from ringback.catalogue.sunset import midnight
from ringback.clock import to_ms
from ringback.errors import MethodNotAllowed, RouteNotFound
from ringback.http.auth import Authenticator
from ringback.http.bodies import GENERATION
from ringback.http.file_bodies import FileBodies
from ringback.http.headers import headers_of, preferred_wait_s, submission_options
from ringback.http.hosts import base_url_of
from ringback.http.long_poll import wait_for_end
from ringback.http.responses import JsonResponse, RawHeader, ok
from ringback.jobs.model import Job
from ringback.jobs.store import Accepted
from ringback.service import JobService
from ringback.service.intake import GenerationRequest, Intake
from ringback.service.tokens import Principal

PREFIX = "/generate/"
Handler = Callable[[Request, Principal], Awaitable[JsonResponse]]

_TRAINING = '{"name": "ink", "urls": ["https://example.com/ink.png"]}'
_EXPORT = '{"url": "https://example.com/fox.glb", "format": "obj"}'
_PATH_LENGTH_MAX = 200  # the search for similar names takes time in proportion to it


def _deprecation(since: Day) -> RawHeader:
    """Return the header of an answer to deprecated names: RFC 9745."""
    return (b"deprecation", b"@%d" % (to_ms(midnight(since)) // 1000))


class Submissions:
    """The routes that submit jobs."""

    def __init__(
        self,
        services: ApiServices,
        intake: Intake,
        bodies: FileBodies,
        authenticator: Authenticator,
    ) -> None:
        self._service = services.service
        self._catalogue = services.catalogue
        self._intake = intake
        self._authenticator = authenticator
        self._with_faults = services.faults is not None
        self._bodies = bodies
        self._models: dict[str, Model] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Submit a job to the model of the path, and send it."""
        if scope["method"] != "POST":
            raise MethodNotAllowed(scope["method"], ("POST",))
        principal = await self._authenticator.authenticate(scope)
        self._service.check_open()
        model = self._model(scope["path"])
        self._intake.check_available(model)
        async with self._bodies.object(
            headers_of(scope), receive, workspace_id=principal.workspace_id, like=GENERATION
        ) as body:
            request, since = await self._request(model, body, principal, scope)
        del body  # it may be large, and the response may wait for the job's end
        response = await self._submit(model, request, since, scope, receive)
        await response(scope, receive, send)

    async def train(self, request: Request, principal: Principal) -> JsonResponse:
        """Submit the job that trains a style, and return it; the body names the model."""
        return await self._submit_body(self._catalogue.training, request, principal, like=_TRAINING)

    def exports(self) -> Iterator[tuple[Model, Handler]]:
        """Yield every export with the handler that submits a job of it."""
        return ((model, partial(self._export, model)) for model in self._catalogue.exports)

    async def _export(self, model: Model, request: Request, principal: Principal) -> JsonResponse:
        self._intake.check_available(model)
        return await self._submit_body(lambda _: model, request, principal, like=_EXPORT)

    async def _submit_body(
        self,
        model_of: Callable[[dict[str, Any]], Model],
        request: Request,
        principal: Principal,
        *,
        like: str,
    ) -> JsonResponse:
        """Submit the job of a body to the model that the body decides on."""
        self._service.check_open()
        scope, workspace_id = request.scope, principal.workspace_id
        async with self._bodies.object(
            headers_of(scope), request.receive, workspace_id=workspace_id, like=like
        ) as body:
            model = model_of(body)
            submission, since = await self._request(model, body, principal, scope)
        del body
        return await self._submit(model, submission, since, scope, request.receive)

    async def _request(
        self, model: Model, body: dict[str, Any], principal: Principal, scope: Scope
    ) -> tuple[GenerationRequest, Day | None]:
        """Return the request of a body, and since when names in it are deprecated, if any are."""
        valid = self._intake.validate(model, body)
        request = await self._intake.request(
            model,
            valid,
            submission_options(headers_of(scope), with_faults=self._with_faults),
            principal=principal,
            base_url=base_url_of(scope),
        )
        return request, valid.deprecated_since

    async def _submit(
        self,
        model: Model,
        request: GenerationRequest,
        deprecated_since: Day | None,
        scope: Scope,
        receive: Receive,
    ) -> JsonResponse:
        accepted = await self._service.submit(request)
        headers = location_headers(accepted)
        if model.sunset is not None:
            headers.extend(model.sunset.headers())
        elif deprecated_since is not None:
            headers.append(_deprecation(deprecated_since))
        job = await preferred_end(self._service, accepted.job, scope, receive, headers)
        document = submitted_document(accepted.job) if job is None else whole_document(job)
        return ok(document, headers)

    def _model(self, path: str) -> Model:
        model = self._models.get(path)
        if model is None:
            kind, _, model_id = path.removeprefix(PREFIX).partition("/")
            if not model_id or len(path) > _PATH_LENGTH_MAX:
                raise RouteNotFound("There is no such route; GET /models lists the models.")
            # Unknown paths raise, so the dictionary has no more entries than the catalogue.
            model = self._models[path] = self._catalogue.find(kind, model_id)
        return model


def location_headers(accepted: Accepted) -> list[RawHeader]:
    """Return the response headers of any submission."""
    headers: list[RawHeader] = [(b"location", b"/jobs/" + accepted.job.job_id.encode())]
    if accepted.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return headers


async def preferred_end(
    service: JobService, job: Job, scope: Scope, receive: Receive, headers: list[RawHeader]
) -> Job | None:
    """Return the job after the wait of ``Prefer: wait=N``, or None without that preference.

    Adds ``Preference-Applied`` to the response's headers.
    """
    timeout_s = preferred_wait_s(headers_of(scope))
    if timeout_s is None:
        return None
    headers.append((b"preference-applied", b"wait=%d" % timeout_s))
    return await wait_for_end(service, job, timeout_s=timeout_s, receive=receive)
