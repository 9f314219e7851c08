"""One path, its methods, and who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.auth import Authenticator, Opened
from ringback.errors import MethodNotAllowed

Open = Callable[[Request], Awaitable[ASGIApp]]
Private = Callable[[Request, str], Awaitable[ASGIApp]]
Personal = Callable[[Request, Opened], Awaitable[ASGIApp]]


class Resource:
    """A path's methods, each answered by a function; ``HEAD`` is ``GET`` without the body."""

    def __init__(self, **methods: Open) -> None:
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


def private_to(authenticator: Authenticator) -> Callable[[Private], Open]:
    """Return what makes a function of a request and its workspace one that asks for the token."""

    def private(route: Private) -> Open:
        async def authenticated(request: Request) -> ASGIApp:
            return await route(request, await authenticator.workspace_of(request.scope))

        return authenticated

    return private


def personal_to(authenticator: Authenticator) -> Callable[[Personal], Open]:
    """Return what does the same for functions that must know which token it is."""

    def personal(route: Personal) -> Open:
        async def authenticated(request: Request) -> ASGIApp:
            return await route(request, await authenticator.opened_by(request.scope))

        return authenticated

    return personal
