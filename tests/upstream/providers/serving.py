"""Stand-ins of providers on loopback: what they share, and a clock that runs fast."""

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

SPEED = 100.0


class FastClock:
    """The machine's time, a hundred times as fast: what waits a second waits ten milliseconds."""

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
        """Be that much later at once, for everybody but those who sleep."""
        self._leapt_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Return after a hundredth of that."""
        await self._clock.sleep(seconds / SPEED)


class StandIn:
    """A provider that answers as its documentation says, but for the answers that a test gives.

    ``script`` has answers for the next requests of a method and path's beginning, in their order.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []  # methods and paths, as they came
        self.headers: list[dict[str, str]] = []
        self.changed = asyncio.Event()
        self._scripts: list[tuple[str, str, Response | Callable[[Request], Response]]] = []

    def script(self, method: str, path: str, *answers: Response) -> Self:
        """Give these answers to the next requests of that kind."""
        self._scripts += [(method, path, answer) for answer in answers]
        return self

    def count(self, method: str, path: str) -> int:
        """Return how many requests of a kind came."""
        return sum(m == method and p.startswith(path) for m, p in self.asked)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once something holds that changes with what is asked."""
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def scripted(self, request: Request) -> Response | None:
        """Keep a request, and return the test's answer to it, if there is one."""
        path = request.url.path
        self.asked.append((request.method, path))
        self.headers.append(dict(request.headers))
        self.changed.set()
        for number, (method, beginning, answer) in enumerate(self._scripts):
            if method == request.method and path.startswith(beginning):
                del self._scripts[number]
                assert isinstance(answer, Response)
                return answer
        return None


class Cut(Response):
    """An answer that never comes: the connection is closed in its place."""

    def __init__(self, head: bytes = b"") -> None:
        super().__init__(head)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Begin an answer that is longer than what comes of it."""
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


@asynccontextmanager
async def served(app: ASGIApp, *, sockets: bool = False) -> AsyncIterator[str]:
    """Serve an application on loopback for the time of the context; yields its URL."""
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
