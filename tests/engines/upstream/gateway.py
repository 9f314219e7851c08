"""A gateway that speaks the API of any provider type and answers as a test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from ringback.engines.contract import EngineRequest, Made
from ringback.testing import FakeReceiver, ReceivedRequest, RecordingIO, respond
from tests.answer_shapes import PNG
from tests.engines.upstream.studio import KEY, an_engine, answer
from tests.engines.upstream.world import a_request

KINDS = ("krea", "openai-images", "replicate", "fal")
MODELS = {"bfl/flux-1-dev": "fal-ai/flux"}
REQUEST_ID = "r-1"


class Gateway(FakeReceiver):
    """Answers submissions, polls and downloads; files need the key.

    ``job`` is merged into the document of the job, ``result`` is its result where the
    provider's API has it, and ``files`` are the answers of its downloads by path.
    """

    def __init__(
        self,
        kind: str,
        result: Any = None,
        *,
        job: Mapping[str, Any] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__()
        self.kind = kind
        self.result = result
        self.job = dict(job or {})
        self.headers = headers
        self.files: dict[str, bytes] = {}
        self.once: list[bytes] = []  # answers to the first downloads or polls
        self.submitted: bytes | None = None  # the answer to a submission
        self.polls = 0
        self.ends_after = 0  # polls with the status in ``job``; later ones have the API's own word

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        self.requests.append(request)
        transport.write(self._response(request))

    def _response(self, request: ReceivedRequest) -> bytes:
        key = "Key" if self.kind == "fal" else "Bearer"
        if request.header("authorization") != f"{key} {KEY}":
            return answer({"error": "no key"}, 401)
        path = request.path.partition("?")[0]
        is_submission = request.method == "POST"
        if self.once and not is_submission:
            return self.once.pop(0)
        if self.submitted is not None and is_submission:
            return self.submitted
        if path.startswith("/files/"):
            return self.files.get(path) or respond(200, body=PNG, headers=self.headers)
        if self.kind == "openai-images":
            return answer(self.result, headers=self.headers)
        if request.method == "POST":
            ids = {"job_id": REQUEST_ID, "id": REQUEST_ID, "request_id": REQUEST_ID}
            return answer({**ids, "status": "queued"}, 201)
        if self.kind == "fal" and not path.endswith("/status"):
            return answer(self.result, headers=self.headers)
        self.polls += 1
        ends = {"krea": "completed", "replicate": "succeeded", "fal": "COMPLETED"}
        document = {"id": REQUEST_ID, "job_id": REQUEST_ID, "status": ends[self.kind]}
        member = {"krea": "result", "replicate": "output"}.get(self.kind)
        if member is not None:
            document[member] = self.result
        goes_on = not self.ends_after or self.polls <= self.ends_after
        return answer({**document, **(self.job if goes_on else {})}, headers=self.headers)


@asynccontextmanager
async def a_gateway(kind: str, result: Any = None, **more: Any) -> AsyncIterator[Gateway]:
    """Yield a gateway; ``{url}`` in its result becomes its own address."""
    async with Gateway(kind, None, **more) as gateway:
        gateway.result = _filled(result, gateway.url_at(""))
        yield gateway


def _filled(value: Any, url: str) -> Any:
    if isinstance(value, str):
        return value.replace("{url}", url).replace("{host}", url.partition("//")[2])
    if isinstance(value, list):
        return [_filled(item, url) for item in value]
    if isinstance(value, dict):
        return {name: _filled(item, url) for name, item in value.items()}
    return value


async def made(
    gateway: Gateway,
    io: RecordingIO | None = None,
    request: EngineRequest | None = None,
    **table: Any,
) -> Made:
    """Run a job at the gateway and return its result."""
    settings = {"models": MODELS, **table}
    with an_engine(gateway.kind, gateway.url_at(""), **settings) as upstream:
        async with asyncio.timeout(20):
            return await upstream.engine.run(request or a_request(), io or RecordingIO())
