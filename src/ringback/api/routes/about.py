"""Routes about the server itself: its models, its description and its health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from ringback import __version__
from ringback.api.documents.server import ModelsDocument, StateDocument, models_document
from ringback.api.operations import OperationTable
from ringback.api.services import ApiServices
from ringback.errors import Draining, NotReady
from ringback.http.hosts import base_url_of
from ringback.http.responses import JsonResponse, encode, ok

OPERATIONS = OperationTable("Server", access="public")

Describe = Callable[[str], dict[str, Any]]


class AboutRoutes:
    """The routes that need no token."""

    def __init__(self, services: ApiServices, describe: Describe) -> None:
        self._services = services
        self._describe = describe
        self._models = encode(models_document(services.catalogue))

    @staticmethod
    async def root(request: Request) -> JsonResponse:
        """Return the server's name, its version and the paths to begin with."""
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

    @OPERATIONS(
        "GET /models",
        "List the models",
        ModelsDocument,
        name="list_models",
        answer="Every model, with the JSON Schema of its body.",
    )
    async def models(self, request: Request) -> JsonResponse:
        """Return every model, compactly."""
        return JsonResponse(200, self._models)

    @OPERATIONS(
        "GET /openapi.json",
        "Get this description",
        dict[str, Any],
        name="get_openapi",
        answer="This document.",
    )
    async def openapi(self, request: Request) -> JsonResponse:
        """Return the API's own description, one path per model."""
        return ok(self._describe(base_url_of(request.scope)))

    @OPERATIONS("GET /healthz", "Check that the process lives", StateDocument, answer="It lives.")
    async def healthz(self, request: Request) -> JsonResponse:
        """Return `ok` for as long as the process lives."""
        return ok(StateDocument(status="ok"))

    @OPERATIONS(
        "GET /readyz",
        "Check whether the server takes new work",
        StateDocument,
        answer="It takes new work.",
        errors=[503],
    )
    async def readyz(self, request: Request) -> JsonResponse:
        """Return `ready` while the server takes new work, and 503 with the reason otherwise."""
        if self._services.service.is_draining:
            raise Draining("The server is going down.")
        if unavailable := self._services.unavailable():
            raise NotReady(unavailable=unavailable)
        if broken := self._services.broken_loops():
            # In dev the client is the operator; elsewhere only the log names the loops.
            raise NotReady(broken if self._services.settings.is_dev else ())
        return ok(StateDocument(status="ready"))
