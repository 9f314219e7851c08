"""Health probes of a process without the API, for orchestrators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.errors import Draining, MethodNotAllowed, NotReady, RouteNotFound
from ringback.http.errors import ErrorsBecomeAnswers
from ringback.http.responses import JsonResponse, ok


class Probes:
    """An application with ``/healthz`` and ``/readyz``, and no other route."""

    def __init__(
        self,
        *,
        is_draining: Callable[[], bool],
        broken: Callable[[], Sequence[str]],
        unavailable: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._unavailable = unavailable
        self._is_draining = is_draining
        self._broken = broken
        self._app: ASGIApp = ErrorsBecomeAnswers(self._route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe."""
        if scope["type"] == "http":
            await self._app(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in ("/healthz", "/readyz"):
            raise RouteNotFound("This process has only /healthz and /readyz.")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(scope["method"], ("GET", "HEAD"))
        await self._answer(scope["path"])(scope, receive, send)

    def _answer(self, path: str) -> JsonResponse:
        if path == "/healthz":
            return ok({"status": "ok"})
        if self._is_draining():
            raise Draining("The process is going down.")
        if unavailable := self._unavailable():
            raise NotReady(unavailable=unavailable)
        if broken := self._broken():
            # The reasons may be shown: only an orchestrator reaches this port.
            raise NotReady(broken)
        return ok({"status": "ready"})
