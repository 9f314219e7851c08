"""The base of the fake providers on loopback, and a fast clock."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from ringback.clock import SystemClock
from tests.forms import Part, read_form
from tests.patience import SOON_S

SPEED = 100.0


class FastClock:
    """The system clock, a hundred times as fast: a wait of a second takes ten milliseconds."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._from_ms, self._from_s = self._clock.now_ms(), self._clock.monotonic()
        self._leapt_s = self._from_s

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return self._from_ms + int(1000 * (self.monotonic() - self._from_s))

    def monotonic(self) -> float:
        """Return seconds."""
        return self._leapt_s + SPEED * (self._clock.monotonic() - self._from_s)

    def leap(self, seconds: float) -> None:
        """Jump ahead at once; pending sleeps are not shortened."""
        self._leapt_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep for a hundredth of that time."""
        await self._clock.sleep(seconds / SPEED)


class StandIn:
    """A fake provider that responds as its documentation says, except where a test scripts it.

    ``script`` sets the responses to the next requests of a method and path prefix, in their order.
    """

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[str, str]] = []  # methods and paths in the order received
        self.headers: list[dict[str, str]] = []
        self.changed = asyncio.Event()
        self._scripts: list[tuple[str, str, Response | Callable[[Request], Response]]] = []

    def script(self, method: str, path: str, *answers: Response) -> Self:
        """Set the responses to the next requests of that method and path prefix."""
        self._scripts += [(method, path, answer) for answer in answers]
        return self

    def count(self, method: str, path: str) -> int:
        """Return the number of requests of a method and path prefix."""
        return sum(m == method and p.startswith(path) for m, p in self.received)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is checked after every request."""
        async with asyncio.timeout(SOON_S):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def scripted(self, request: Request) -> Response | None:
        """Record a request, and return its scripted response, if there is one."""
        path = request.url.path
        self.received.append((request.method, path))
        self.headers.append(dict(request.headers))
        self.changed.set()
        for number, (method, beginning, answer) in enumerate(self._scripts):
            if method == request.method and path.startswith(beginning):
                del self._scripts[number]
                assert isinstance(answer, Response)
                return answer
        return None


class Cut(Response):
    """A response that is never completed: the connection is closed instead."""

    def __init__(self, head: bytes = b"") -> None:
        super().__init__(head)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Start a response that announces more bytes than it sends."""
        headers = [(b"content-length", b"1000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        raise ConnectionAbortedError


def problem(status: int, detail: str, *, title: str = "", **more: Any) -> Response:
    """Return problem details (RFC 7807)."""
    body = {"title": title, "detail": detail, "status": status, **more}
    return Response(json.dumps(body), status_code=status, media_type="application/problem+json")


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """Return JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body, status_code=status, headers=named)


async def posted_form(request: Request) -> dict[str, Part]:
    """Return the parts of a request's form by name; raises ``ValueError`` where aiohttp does."""
    parts = read_form(request.headers["content-type"], await request.body())
    return {part.name: part for part in parts}


@asynccontextmanager
async def served(app: ASGIApp, *, sockets: bool = False) -> AsyncIterator[str]:
    """Serve an application on loopback during the context; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            ws="websockets-sansio" if sockets else "none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
