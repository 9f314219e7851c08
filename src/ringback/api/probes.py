"""What an orchestrator asks a process that has no API: does it live, and may it be relied upon."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.answers import Answer, ok
from ringback.api.errors import ErrorsBecomeAnswers
from ringback.errors import Draining, MethodNotAllowed, NotReady, RouteNotFound


class Probes:
    """``/healthz`` and ``/readyz``, and nothing else."""

    def __init__(
        self, *, is_draining: Callable[[], bool], broken: Callable[[], Sequence[str]]
    ) -> None:
        self._is_draining = is_draining
        self._broken = broken
        self._app: ASGIApp = ErrorsBecomeAnswers(self._route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe."""
        if scope["type"] == "http":
            await self._app(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in ("/healthz", "/readyz"):
            raise RouteNotFound("Here are /healthz and /readyz alone.")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(scope["method"], ("GET", "HEAD"))
        await self._answer(scope["path"])(scope, receive, send)

    def _answer(self, path: str) -> Answer:
        if path == "/healthz":
            return ok({"status": "ok"})
        if self._is_draining():
            raise Draining("The process is going down.")
        if broken := self._broken():
            # Only an orchestrator reaches this port.
            raise NotReady(broken)
        return ok({"status": "ready"})
