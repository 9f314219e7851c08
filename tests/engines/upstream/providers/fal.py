"""A fake of fal's queue API, written from its documentation, on loopback."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.engines.upstream.providers.serving import StandIn, answer, served
from tests.engines.upstream.world import PNG

KEY = "a-key-id:a-key-secret-of-the-operator"
USER = "google-oauth2|1234567890"
BAR = " 25%|██▌       | 7/28 [00:01<00:03,  5.2it/s]"

Step = dict[str, Any]

IN_QUEUE: Step = {"status": "IN_QUEUE", "queue_position": 2}
IN_PROGRESS: Step = {
    "status": "IN_PROGRESS",
    "logs": [{"timestamp": "2026-01-01T00:00:01Z", "level": "INFO", "message": BAR}],
}
COMPLETED: Step = {"status": "COMPLETED", "logs": [], "metrics": {"inference_time": 3.7}}


class Fal(StandIn):
    """Requests that advance one step with every poll."""

    def __init__(self, steps: Sequence[Step] = (IN_QUEUE, IN_PROGRESS, COMPLETED)) -> None:
        super().__init__()
        self.steps = steps
        self.result: Response | None = None  # in place of one image
        self.requests: dict[str, list[Step]] = {}
        self.submitted: list[tuple[str, str | None, dict[str, Any]]] = []
        self.cancelled: list[str] = []
        self.named: dict[str, Any] = {}  # overrides fields of the response to a submission
        self.signing = Ed25519PrivateKey.generate()
        self.published = [self.signing]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Fal]:
        """Serve during the context."""
        methods = ["GET", "POST", "PUT"]
        app = Starlette(routes=[Route("/{path:path}", self._take, methods=methods)])
        async with served(app) as self.url:
            yield self

    def webhook(
        self, body: bytes, *, at_s: int, request_id: str = "r1", user: str = USER
    ) -> dict[str, str]:
        """Return the headers of a webhook with this body."""
        digest = hashlib.sha256(body).hexdigest()
        signed = "\n".join([request_id, user, str(at_s), digest]).encode()
        return {
            "x-fal-webhook-request-id": request_id,
            "x-fal-webhook-user-id": user,
            "x-fal-webhook-timestamp": str(at_s),
            "x-fal-webhook-signature": self.signing.sign(signed).hex(),
        }

    async def _take(self, request: Request) -> Response:
        if (scripted := self.scripted(request)) is not None:
            return scripted
        path = request.url.path
        if path.startswith("/files/"):
            return Response(PNG, media_type="image/png")
        if path == "/.well-known/jwks.json":
            return answer({"keys": [_jwk(key) for key in self.published]})
        if request.headers.get("authorization") != f"Key {KEY}":
            return answer({"detail": "Authentication is required to access this application."}, 401)
        if request.method == "POST":
            return await self._submit(request)
        app, _, rest = path.partition("/requests/")
        request_id, _, operation = rest.partition("/")
        # Without the endpoint's path: fal identifies a request by its application alone.
        if request_id not in self.requests or app.count("/") != 2:
            return answer({"detail": "Request not found"}, 404)
        match request.method, operation:
            case "PUT", "cancel":
                return self._cancel(request_id)
            case "GET", "status":
                return self._status(request_id, request)
            case "GET", "":
                return self.result or answer(self._pictures())
        return answer({"detail": "Not Found"}, 404)

    async def _submit(self, request: Request) -> Response:
        webhook_url = request.query_params.get("fal_webhook")
        self.submitted.append((request.url.path, webhook_url, await request.json()))
        request_id = f"r{len(self.submitted)}"
        self.requests[request_id] = list(self.steps)
        self.changed.set()
        owner, alias, *_ = request.url.path.strip("/").split("/")
        base = f"{self.url}/{owner}/{alias}/requests/{request_id}"
        document = {
            "status": "IN_QUEUE",
            "request_id": request_id,
            "gateway_request_id": request_id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "queue_position": 0,
            "logs": None,
            "metrics": {},
        }
        return answer({**document, **self.named})

    def _status(self, request_id: str, request: Request) -> Response:
        steps = self.requests[request_id]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        shown = dict(step)
        if request.query_params.get("logs") != "1":
            shown.pop("logs", None)
        return answer(shown, 200 if step["status"] == "COMPLETED" else 202)

    def _cancel(self, request_id: str) -> Response:
        if self.requests[request_id][0]["status"] == "COMPLETED":
            return answer({"status": "ALREADY_COMPLETED"}, 400)
        self.cancelled.append(request_id)
        self.changed.set()
        return answer({"status": "CANCELLATION_REQUESTED"}, 202)

    def _pictures(self) -> dict[str, Any]:
        return {
            "images": [
                {
                    "url": f"{self.url}/files/a.png",
                    "content_type": "image/png",
                    "width": 1024,
                    "height": 1024,
                }
            ],
            "timings": {"inference": 3.7},
            "seed": 42,
            "has_nsfw_concepts": [False],
            "prompt": "a fox",
        }


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    public = urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": public}
