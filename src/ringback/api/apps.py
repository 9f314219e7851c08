"""``/node-apps``: graphs of steps, pushed once and executed as jobs."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api import queries
from ringback.api.answers import Answer, RawHeader, ok
from ringback.api.app_documents import app_document, summary_document
from ringback.api.auth import Authenticator, Opened
from ringback.api.bodies import read_object, read_optional_object
from ringback.api.cursors import before_id, cursor_after
from ringback.api.deps import ApiDeps
from ringback.api.documents import current_document, submitted_document
from ringback.api.headers import headers_of, preferred_wait_s
from ringback.api.hosts import base_url_of
from ringback.api.submissions import REPLAYED, Submissions
from ringback.api.waiting import wait_for_end
from ringback.catalogue.model import Model
from ringback.errors import AssetNotFound, Draining, FieldError, InvalidRequest
from ringback.service.apps import Execution

DEFINITION_BYTES_MAX = 256 * 1024
_LIKE = '{"name": "Portrait", "steps": {…}, "outputs": {…}}'
_INPUTS_LIKE = '{"subject": "a fox"}'


class AppRoutes:
    """The routes of node apps."""

    def __init__(
        self, deps: ApiDeps, submissions: Submissions, authenticator: Authenticator
    ) -> None:
        self._desk = deps.apps
        self._assets = deps.assets
        self._service = deps.service
        self._submissions = submissions
        self._authenticator = authenticator
        self._body_bytes_max = deps.settings.body_bytes_max

    async def push(self, request: Request, workspace_id: str) -> Answer:
        """Keep a definition as the next version of its app, and answer with it."""
        if self._service.is_draining:
            raise Draining("The server is going down; try again in a moment.")
        headers = headers_of(request.scope)
        bytes_max = min(DEFINITION_BYTES_MAX, self._body_bytes_max)
        document = await read_object(headers, request.receive, bytes_max, like=_LIKE)
        version = await self._desk.push(document, workspace_id=workspace_id)
        told = [(b"location", b"/node-apps/" + version.version_id.encode())]
        return ok(app_document(version, latest=version), told)

    async def list_apps(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a page of the workspace's apps in their latest versions."""
        limit = queries.limit(request.query_params)
        cursor = request.query_params.get("cursor")
        # One more than asked for tells whether another page follows.
        found = await self._desk.list_apps(
            workspace_id,
            before_id=None if cursor is None else before_id(cursor),
            limit=limit + 1,
        )
        page = found[:limit]
        return ok(
            {
                "items": [summary_document(version, latest=version) for version in page],
                "next_cursor": cursor_after(page[-1].version_id) if len(found) > limit else None,
            }
        )

    async def get_app(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a version of an app, by its id, or the latest by the app's slug."""
        version = await self._desk.get(request.path_params["app"], workspace_id=workspace_id)
        return ok(app_document(version, latest=await self._desk.latest(version)))

    async def execute(self, request: Request, workspace_id: str) -> ASGIApp:
        """Make the run and answer with it, in a list of one."""
        if self._service.is_draining:
            raise Draining("The server is going down; try again in a moment.")
        version = await self._desk.get(request.path_params["app"], workspace_id=workspace_id)
        headers, base_url = headers_of(request.scope), base_url_of(request.scope)
        body = await read_optional_object(
            headers, request.receive, self._body_bytes_max, like=_INPUTS_LIKE
        )
        execution = self._desk.take(version, body)
        opened = await self._authenticator.opened_by(request.scope)
        await self._judge(execution, base_url, opened)
        asked = await self._submissions.asked_for(
            execution.model,
            execution.valid,
            headers,
            workspace_id=workspace_id,
            token_id=opened.token_id,
            base_url=base_url,
        )
        if isinstance(asked, Answer):
            return asked
        # What the steps would cost lets no run in where the budget is spent; they are what is paid.
        asked = replace(asked, compute_units=execution.compute_units)
        accepted = await self._service.submit(asked)
        told: list[RawHeader] = [(b"location", b"/jobs/" + accepted.job.job_id.encode())]
        if accepted.replayed:
            told.append(REPLAYED)
        timeout_s = preferred_wait_s(headers)
        if timeout_s is None:
            # The contract has no nulls here: what is not known yet is left out.
            document = {k: v for k, v in submitted_document(accepted.job).items() if v is not None}
        else:
            told.append((b"preference-applied", b"wait=%d" % timeout_s))
            job = await wait_for_end(
                self._service, accepted.job, timeout_s=timeout_s, receive=request.receive
            )
            document = current_document(job)
        return ok([document], told)

    async def _judge(self, execution: Execution, base_url: str, opened: Opened) -> None:
        """Raise ``InvalidRequest`` for assets, URLs and styles that the run could never use."""
        for step, asset_id in execution.asset_ids.items():
            try:
                await self._assets.get(asset_id.lower(), workspace_id=opened.workspace_id)
            except AssetNotFound as exc:
                raise _at(f"/steps/{step}/asset", str(exc)) from exc
        for step, model, values in execution.inputs:
            await self._judge_step(step, model, values, base_url, opened)

    async def _judge_step(
        self, step: str, model: Model, values: dict[str, Any], base_url: str, opened: Opened
    ) -> None:
        whose = opened.workspace_id
        try:
            await self._submissions.judge_media(model, values, base_url, whose)
            await self._submissions.judge_styles(model, values, whose, opened.token_id)
        except InvalidRequest as exc:
            place = f"/steps/{step}/input"
            moved = [FieldError(place + one.path, one.message) for one in exc.details]
            raise InvalidRequest(f"The step {step} cannot use its input: {exc}", moved) from exc


def _at(path: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(f"{path[1:]}: {sentence}", [FieldError(path, sentence)])
