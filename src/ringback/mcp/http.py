"""The route ``/mcp``: the tools over streamable HTTP, for the workspace of the request's token.

Each request stands alone (there are no sessions), and each call uses the services for the
principal of its token: it has that token's rights and sees that workspace.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from urllib.parse import urlsplit

from starlette.types import Message, Receive, Scope, Send

from ringback.concurrency.fair_limiter import FairLimiter
from ringback.errors import MethodNotAllowed, OriginRefused, RouteNotFound, TooManyToolCalls
from ringback.http.auth import Authenticator
from ringback.http.headers import headers_of
from ringback.http.hosts import base_url_of
from ringback.mcp.services import LocalOperations, ToolServices
from ringback.wire.texts import without_mark

CALLS_MAX = 20
"""Calls of one workspace at once."""
# A call with a file in it keeps the file in memory until its end.
_LARGE_CALLS_MAX = 4
_LARGE_CALLS_RESERVE = 2
_RETRY_AFTER_S = 10
_PACKAGE = "ringback.mcp.protocol"


class ToolRoute:
    """Authenticates a request, and passes its message to the protocol's package."""

    def __init__(self, services: ToolServices, authenticator: Authenticator) -> None:
        self._services = services
        self._authenticator = authenticator
        self._open: Counter[str] = Counter()
        self._scaling = asyncio.Semaphore()
        self._large = FairLimiter(_LARGE_CALLS_MAX, reserve=_LARGE_CALLS_RESERVE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message of the protocol."""
        check_origin(scope)
        principal = await self._authenticator.authenticate(scope)
        if scope["method"] != "POST":
            # GET and DELETE listen to sessions and end them; there are none.
            raise MethodNotAllowed(scope["method"], ("POST",))
        await _import_protocol()
        with self._one_call(principal.workspace_id):
            operations = LocalOperations(self._services, principal, base_url=base_url_of(scope))
            bodies, workspace_id = self._services.bodies, principal.workspace_id
            # Read here: the protocol's package would report a client that disconnects as an error.
            async with bodies.content(
                headers_of(scope), receive, workspace_id=workspace_id, at_once=self._large
            ) as parts:
                await self._answer(
                    operations, scope, _replayed(parts, receive), _without_connection(send)
                )

    async def _answer(
        self, operations: LocalOperations, scope: Scope, receive: Receive, send: Send
    ) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings

        from ringback.mcp.protocol import server_of
        from ringback.mcp.tools import Toolbox

        toolbox = Toolbox(
            operations,
            is_local=False,
            stops_waiting=lambda: self._services.service.is_draining,
            scaling=self._scaling,
        )
        manager = StreamableHTTPSessionManager(
            server_of(toolbox),
            stateless=True,
            json_response=not _accepts(scope, b"text/event-stream"),
            # Host and Origin have been checked, against this server's own names.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=self._services.bodies.bytes_max,
        )
        async with manager.run():
            await manager.handle_request(_with_accept(scope), receive, send)

    @contextmanager
    def _one_call(self, workspace_id: str) -> Iterator[None]:
        if self._open[workspace_id] >= CALLS_MAX:
            raise TooManyToolCalls(CALLS_MAX, retry_after_s=_RETRY_AFTER_S)
        self._open[workspace_id] += 1
        try:
            yield
        finally:
            self._open[workspace_id] -= 1
            if not self._open[workspace_id]:
                del self._open[workspace_id]


def check_origin(scope: Scope) -> None:
    """Raise ``OriginRefused`` for a browser's request from another site.

    Programs send no Origin. Another site's page has no token, and yet it is refused before the
    token is checked, so that it learns nothing through a user's browser.
    """
    origin = headers_of(scope).any(b"origin")
    if origin is None:
        return
    ours = {urlsplit(base_url_of(scope)).netloc.lower()}
    ours.add((headers_of(scope).any(b"host") or b"").decode("latin-1").lower())
    try:
        netloc = urlsplit(origin.decode("latin-1")).netloc.lower()
    except ValueError:
        netloc = ""
    if not netloc or netloc not in ours:
        raise OriginRefused("Pages of other sites may not call this server's tools.")


def _accepts(scope: Scope, media_type: bytes) -> bool:
    """Say whether a request takes a media type; one without ``Accept`` takes any (RFC 9110)."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    kind = media_type.partition(b"/")[0] + b"/*"
    named = {one.partition(b";")[0].strip().lower() for one in accept.split(b",")} - {b""}
    return not named or not named.isdisjoint({media_type, kind, b"*/*"})


def _with_accept(scope: Scope) -> Scope:
    """Return the request as accepting both types, which the protocol's package insists on."""
    if not (_accepts(scope, b"application/json") or _accepts(scope, b"text/event-stream")):
        return scope
    headers = [one for one in scope["headers"] if one[0] != b"accept"]
    return {**scope, "headers": [*headers, (b"accept", b"application/json, text/event-stream")]}


def _replayed(parts: list[bytes], receive: Receive) -> Receive:
    """Return a ``receive`` that hands out a body, and then passes on all further messages."""

    async def read() -> Message:
        if parts:
            return {"type": "http.request", "body": without_mark(parts.pop()), "more_body": False}
        return await receive()

    return read


def _without_connection(send: Send) -> Send:
    """Return a ``send`` that leaves the connection to the server."""

    async def pass_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [one for one in message["headers"] if one[0].lower() != b"connection"]
            message = {**message, "headers": kept}
        await send(message)

    return pass_on


async def _import_protocol() -> None:
    """Import the protocol's package in a thread, as that is slow, or raise ``RouteNotFound``."""
    try:
        await asyncio.to_thread(import_module, _PACKAGE)
    except ModuleNotFoundError as exc:
        raise RouteNotFound(
            "This server speaks MCP once its package is installed: pip install 'ringback[mcp]'."
        ) from exc
