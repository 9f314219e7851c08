"""A fake of Replicate's API, written from its HTTP reference, on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringback.wire.signature import sign
from tests.engines.upstream.providers.serving import StandIn, answer, posted_form, problem, served
from tests.engines.upstream.world import PNG

TOKEN = "r8_a-token-of-the-operator"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
VERSION = "5c7d5dc6" * 8
BAR = "Using seed: 42\n 50%|█████     | 25/50 [00:05<00:05,  4.6it/s]"

Step = dict[str, Any]
"""The fields of a prediction's document that change."""

STARTING: Step = {"status": "starting"}
HALF: Step = {"status": "processing", "started_at": "2026-01-01T00:00:01.0Z", "logs": BAR}


def succeeded(*urls: str, output: Any = None) -> Step:
    """Return the last step of a prediction that made files."""
    return {
        "status": "succeeded",
        "output": list(urls) if output is None else output,
        "completed_at": "2026-01-01T00:00:09.0Z",
        "metrics": {"predict_time": 8.0},
    }


class Replicate(StandIn):
    """Predictions that advance one step with every poll."""

    def __init__(self, steps: Sequence[Step] | None = None) -> None:
        super().__init__()
        self.steps = steps
        self.predictions: dict[str, dict[str, Any]] = {}
        self.submitted: list[tuple[str, dict[str, Any]]] = []
        self.uploads: list[bytes] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Replicate]:
        """Serve during the context."""
        app = Starlette(routes=[Route("/{path:path}", self._take, methods=["GET", "POST"])])
        async with served(app) as self.url:
            yield self

    def webhook(self, body: bytes, *, at_s: int, name: str = "msg_1") -> dict[str, str]:
        """Return the headers of a webhook with this body."""
        return {
            "webhook-id": name,
            "webhook-timestamp": str(at_s),
            "webhook-signature": sign(SECRET, webhook_id=name, timestamp_s=at_s, body=body),
        }

    async def _take(self, request: Request) -> Response:
        if (scripted := self.scripted(request)) is not None:
            return scripted
        path = request.url.path
        if path.startswith("/delivery/"):
            return Response(PNG, media_type="image/png")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(
                401, "You did not pass a valid authentication token", title="Unauthenticated"
            )
        if path == "/v1/webhooks/default/secret":
            return answer({"key": SECRET})
        if path == "/v1/files" and request.method == "POST":
            return await self._upload(request)
        if path.endswith("/predictions") and request.method == "POST":
            return await self._create(request)
        parts = path.removeprefix("/v1/predictions/").split("/")
        prediction = self.predictions.get(parts[0])
        if prediction is None:
            return problem(404, "The requested resource could not be found.")
        if parts[1:] == ["cancel"]:
            prediction["document"]["status"] = "canceled"
            prediction["steps"] = []
        elif prediction["steps"]:
            prediction["document"].update(prediction["steps"].pop(0))
        return answer(prediction["document"])

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        if set(body) - {"version", "input", "webhook", "webhook_events_filter"}:
            return problem(422, "Unexpected field", title="Input validation failed")
        if not body.get("webhook", "https://").startswith("https://"):
            return problem(422, "- webhook: must be https\n", title="Input validation failed")
        self.submitted.append((request.url.path, body))
        name = f"p{len(self.submitted):025}"
        document = {
            "id": name,
            "model": "black-forest-labs/flux-dev",
            "version": body.get("version", "hidden"),
            "input": body["input"],
            "logs": "",
            "output": None,
            "error": None,
            "status": "starting",
            "created_at": "2026-01-01T00:00:00.0Z",
            "urls": {
                "get": f"{self.url}/v1/predictions/{name}",
                "cancel": f"{self.url}/v1/predictions/{name}/cancel",
            },
        }
        steps = [STARTING, HALF, succeeded(f"{self.url}/delivery/out-0.png")]
        taken = list(steps if self.steps is None else self.steps)
        self.predictions[name] = {"document": document, "steps": taken}
        self.changed.set()
        return answer(document, 201, ratelimit_remaining="599", ratelimit_reset="1")

    async def _upload(self, request: Request) -> Response:
        try:
            file = (await posted_form(request))["content"]
        except ValueError:
            return problem(400, "The form could not be read.")
        self.uploads.append(file.content)
        name = f"f{len(self.uploads)}"
        urls = {"get": f"{self.url}/v1/files/{name}"}
        return answer({"id": name, "content_type": file.media_type, "urls": urls}, 201)


def document_bytes(document: dict[str, Any]) -> bytes:
    """Return a document as a webhook's body has it."""
    return json.dumps(document).encode()
