"""Routes about the server itself: what it is, what it offers, how it is."""

from __future__ import annotations

from starlette.requests import Request

from ringback import __version__
from ringback.api.answers import Answer, encode, ok
from ringback.api.deps import ApiDeps
from ringback.api.hosts import base_url_of
from ringback.catalogue import openapi
from ringback.errors import Draining, NotReady


class AboutRoutes:
    """The routes that need no token."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._models = encode(openapi.models_document(deps.catalogue))

    async def root(self, request: Request) -> Answer:
        """Answer with what this is and where to go on."""
        base_url = base_url_of(request.scope)
        return ok(
            {
                "name": "Ringback",
                "version": __version__,
                "about": "Generation jobs that call you back: submit a job, get a webhook.",
                "links": {
                    "models": f"{base_url}/models",
                    "jobs": f"{base_url}/jobs",
                    "deliveries": f"{base_url}/deliveries",
                    "events": f"{base_url}/events",
                    "openapi": f"{base_url}/openapi.json",
                    "ready": f"{base_url}/readyz",
                },
            }
        )

    async def models(self, request: Request) -> Answer:
        """Answer with every model, compactly."""
        return Answer(200, self._models)

    async def openapi(self, request: Request) -> Answer:
        """Answer with the API's own description, one path per model."""
        base_url = base_url_of(request.scope)
        return ok(openapi.describe(self._deps.catalogue, version=__version__, public_url=base_url))

    async def healthz(self, request: Request) -> Answer:
        """Answer that the process lives."""
        return ok({"status": "ok"})

    async def readyz(self, request: Request) -> Answer:
        """Answer whether new work is welcome; raises ``Draining`` or ``NotReady`` when not."""
        if self._deps.service.is_draining:
            raise Draining("The server is going down.")
        if broken := self._deps.broken_loops():
            # In dev whoever asks is the operator; elsewhere the log alone names the loops.
            raise NotReady(broken if self._deps.settings.is_dev else ())
        return ok({"status": "ready"})
