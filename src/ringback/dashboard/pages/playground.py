"""The playground: a form with a model's parameters, and the same request as code."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.example import example_of
from ringback.dashboard.inbox import Inbox
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.form_fields import body_of, elided, fields_of, title_of
from ringback.dashboard.presenters.job_cards import card_of
from ringback.dashboard.presenters.snippets import Snippet, submission
from ringback.errors import FieldError, InvalidRequest, JobNotFound
from ringback.jobs.store import JobFilter
from ringback.service import JobService
from ringback.service.intake import Intake, Options
from ringback.webhooks.events import JOB_EVENTS

_LATEST = 4
FIRST_MODEL = ("image", "bfl/flux-1-dev")


class PlaygroundViews:
    """The pages that submit jobs."""

    def __init__(
        self,
        service: JobService,
        catalogue: Catalogue,
        intake: Intake,
        inbox: Inbox | None,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._intake = intake
        self._inbox = inbox

    async def choose(self, request: PageRequest) -> ASGIApp:
        """Redirect to the chosen model, or to the first."""
        kind, _, model_id = request.query.get("model", "/".join(FIRST_MODEL)).partition("/")
        model = self._catalogue.find(kind, model_id)
        return request.redirect(f"/ui/playground/{model.kind}/{model.id}")

    async def form(self, request: PageRequest) -> ASGIApp:
        """Show a model's form, filled in with its example or with the input of an earlier job."""
        model = self._model(request)
        values = example_of(model)
        webhook_url = ""
        if job_id := request.query.get("again"):
            job = await self._service.get(job_id.lower(), workspace_id=request.workspace_id)
            if (job.kind, job.model) != (model.kind, model.id):
                raise JobNotFound(job_id)
            values, webhook_url = job.input, job.webhook_url or ""
        elif self._inbox is not None:
            webhook_url = self._inbox.url_of(request.workspace_id)
        return await self._page(request, model, values, webhook_url=webhook_url)

    async def submit(self, request: PageRequest) -> ASGIApp:
        """Submit the job, or show the form again with its errors."""
        model = self._model(request)
        body: dict[str, Any] = {}
        try:
            body = body_of(model, request.form)
            job_request = await self._intake.request(
                model,
                self._intake.validate(model, body),
                Options(
                    webhook_url=request.field("webhook_url") or None,
                    faults=(request.field("lab") or None) if request.is_dev else None,
                ),
                principal=request.principal,
                base_url=request.base_url,
            )
        except InvalidRequest as exc:
            return await self._page(
                request,
                model,
                body,
                webhook_url=request.field("webhook_url"),
                lab=request.field("lab"),
                error=exc,
            )
        accepted = await self._service.submit(job_request)
        return request.redirect(f"/ui/jobs/{accepted.job.job_id}", done="submitted")

    async def code(self, request: PageRequest) -> ASGIApp:
        """Return the form's request as code; the page's script asks for it while a user types."""
        model = self._model(request)
        try:
            snippets = self._snippets(request, model, body_of(model, request.form))
        except InvalidRequest as exc:
            return HTMLResponse(request.part("_code.html", snippets=(), problem=str(exc)))
        return HTMLResponse(request.part("_code.html", snippets=snippets, problem=None))

    async def _page(
        self,
        request: PageRequest,
        model: Model,
        values: dict[str, Any],
        *,
        webhook_url: str,
        lab: str = "",
        error: InvalidRequest | None = None,
    ) -> ASGIApp:
        details: tuple[FieldError, ...] = error.details if error else ()
        kinds: dict[str, list[Model]] = {}
        for one in sorted(self._catalogue, key=lambda one: one.title):
            kinds.setdefault(one.kind, []).append(one)
        shown = {name: value for name, value in values.items() if name in model.parameters}
        latest = await self._service.list_jobs(
            JobFilter(workspace_id=request.workspace_id, types=(model.type,), limit=_LATEST)
        )
        return request.page(
            "playground.html",
            status=400 if error else 200,
            model=model,
            cards=[card_of(job) for job in latest],
            kinds=kinds,
            fields=fields_of(model, shown),
            titles={
                name: request.translations.known(f"parameter.{name}", title_of(name))
                for name in model.parameters
            },
            webhook_url=webhook_url,
            lab=lab,
            error=error,
            faults={fault.path.lstrip("/").partition("/")[0]: fault.message for fault in details},
            events=[event.value for event in JOB_EVENTS],
            snippets=self._snippets(request, model, shown, webhook_url=webhook_url, lab=lab),
        )

    def _snippets(
        self,
        request: PageRequest,
        model: Model,
        body: dict[str, Any],
        *,
        webhook_url: str | None = None,
        lab: str | None = None,
    ) -> tuple[Snippet, ...]:
        url = request.field("webhook_url") if webhook_url is None else webhook_url
        faults = request.field("lab") if lab is None else lab
        headers = {"X-Webhook-URL": url} if url else {}
        if faults and request.is_dev:
            headers["X-Ringback-Lab"] = faults
        token = request.workspace_id if request.is_dev else None
        return submission(request.base_url, model.path, elided(body), headers=headers, token=token)

    def _model(self, request: PageRequest) -> Model:
        return self._catalogue.find(request.path_params["kind"], request.path_params["model"])
