"""The playground: a form made of a model's parameters, and the same request as code."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from ringback.api.answers import Answer
from ringback.api.assets import AssetRoutes
from ringback.api.headers import RequestHeaders
from ringback.api.submissions import Submissions
from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.example import example_of
from ringback.dashboard.fields import body_of, elided, fields_of
from ringback.dashboard.snippets import Snippet, submission
from ringback.dashboard.visit import Visit
from ringback.errors import FieldError, InvalidRequest, JobNotFound
from ringback.inbox import Inbox
from ringback.service import Service
from ringback.webhooks.events import JOB_EVENTS

FIRST_MODEL = ("image", "bfl/flux-1-dev")


class PlaygroundViews:
    """The pages that submit jobs."""

    def __init__(
        self,
        service: Service,
        catalogue: Catalogue,
        submissions: Submissions,
        assets: AssetRoutes,
        inbox: Inbox | None,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._submissions = submissions
        self._assets = assets
        self._inbox = inbox

    async def choose(self, visit: Visit) -> ASGIApp:
        """Go on to the model asked for, or to the first."""
        kind, _, model_id = visit.query.get("model", "/".join(FIRST_MODEL)).partition("/")
        model = self._catalogue.find(kind, model_id)
        return visit.go(f"/ui/playground/{model.kind}/{model.id}")

    async def form(self, visit: Visit) -> ASGIApp:
        """Show a model's form, filled in as an earlier job was when one is named."""
        model = self._model(visit)
        values = example_of(model)
        webhook_url = ""
        if job_id := visit.query.get("again"):
            job = await self._service.get(job_id.lower(), workspace_id=visit.workspace_id)
            if (job.kind, job.model) != (model.kind, model.id):
                raise JobNotFound(job_id)
            values, webhook_url = job.input, job.webhook_url or ""
        elif self._inbox is not None:
            webhook_url = self._inbox.url_of(visit.workspace_id)
        return self._page(visit, model, values, webhook_url=webhook_url)

    async def submit(self, visit: Visit) -> ASGIApp:
        """Submit the job, or show the form again with what is wrong in it."""
        model = self._model(visit)
        body: dict[str, Any] = {}
        try:
            body = body_of(model, visit.form)
            valid = self._submissions.validate(model, body)
            asked = await self._submissions.asked_for(
                model,
                valid,
                RequestHeaders(_headers(visit)),
                workspace_id=visit.workspace_id,
                base_url=visit.base_url,
                token_id=visit.token_id,
            )
        except InvalidRequest as exc:
            return self._page(
                visit,
                model,
                body,
                webhook_url=visit.field("webhook_url"),
                lab=visit.field("lab"),
                error=exc,
            )
        if isinstance(asked, Answer):
            return asked  # the answer of a fault that was asked for
        accepted = await self._service.submit(asked)
        return visit.go(f"/ui/jobs/{accepted.job.job_id}", done="submitted")

    async def upload(self, visit: Visit) -> ASGIApp:
        """Keep a picture that was dropped on a field as an asset, and answer with it as JSON."""
        return await self._assets.add_asset(visit.request, visit.workspace_id)

    async def code(self, visit: Visit) -> ASGIApp:
        """Answer with the code that asks for what is in the form, while somebody types."""
        model = self._model(visit)
        try:
            snippets = self._snippets(visit, model, body_of(model, visit.form))
        except InvalidRequest as exc:
            return HTMLResponse(visit.part("_code.html", snippets=(), problem=str(exc)))
        return HTMLResponse(visit.part("_code.html", snippets=snippets, problem=None))

    def _page(
        self,
        visit: Visit,
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
        return visit.page(
            "playground.html",
            status=400 if error else 200,
            model=model,
            kinds=kinds,
            fields=fields_of(model, shown),
            webhook_url=webhook_url,
            lab=lab,
            error=error,
            faults={fault.path.lstrip("/").partition("/")[0]: fault.message for fault in details},
            events=[event.value for event in JOB_EVENTS],
            snippets=self._snippets(visit, model, shown, webhook_url=webhook_url, lab=lab),
        )

    def _snippets(
        self,
        visit: Visit,
        model: Model,
        body: dict[str, Any],
        *,
        webhook_url: str | None = None,
        lab: str | None = None,
    ) -> tuple[Snippet, ...]:
        url = visit.field("webhook_url") if webhook_url is None else webhook_url
        faults = visit.field("lab") if lab is None else lab
        headers = {"X-Webhook-URL": url} if url else {}
        if faults and visit.is_dev:
            headers["X-Ringback-Lab"] = faults
        token = visit.workspace_id if visit.is_dev else None
        return submission(visit.base_url, model.path, elided(body), headers=headers, token=token)

    def _model(self, visit: Visit) -> Model:
        return self._catalogue.find(
            visit.request.path_params["kind"], visit.request.path_params["model"]
        )


def _headers(visit: Visit) -> list[tuple[bytes, bytes]]:
    """Return the headers with which a program would have asked for it."""
    headers: list[tuple[bytes, bytes]] = []
    if url := visit.field("webhook_url"):
        headers.append((b"x-webhook-url", url.encode()))
    if (faults := visit.field("lab")) and visit.is_dev:
        headers.append((b"x-ringback-lab", faults.encode("latin-1", "replace")))
    return headers
