"""One path: its methods, and the authentication before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.errors import MethodNotAllowed

RequestHandler = Callable[[Request], Awaitable[ASGIApp]]
Credential = TypeVar("Credential")


class Resource:
    """A path's methods, each with its handler; ``HEAD`` is ``GET`` without the body."""

    def __init__(self, **methods: RequestHandler) -> None:
        self._methods = dict(methods)
        if "GET" in methods:
            self._methods.setdefault("HEAD", methods["GET"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or raise ``MethodNotAllowed``."""
        method = self._methods.get(scope["method"])
        if method is None:
            raise MethodNotAllowed(scope["method"], tuple(self._methods))
        answer = await method(Request(scope, receive))
        await answer(scope, receive, send)


def authenticated(
    authenticate: Callable[[Scope], Awaitable[Credential]],
    handler: Callable[[Request, Credential], Awaitable[ASGIApp]],
) -> RequestHandler:
    """Return a handler that authenticates each request before it calls this one."""

    async def handle(request: Request) -> ASGIApp:
        return await handler(request, await authenticate(request.scope))

    return handle
