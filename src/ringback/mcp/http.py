"""``/mcp``: the tools over streamable HTTP, for the workspace that the request's token opens.

Each request stands alone (there are no sessions), and each call goes through the API itself, with
the caller's own token: so it may do what that token may do, and sees what that workspace sees.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.auth import Authenticator
from ringback.api.headers import headers_of
from ringback.api.hosts import base_url_of
from ringback.errors import MethodNotAllowed, OriginRefused, RouteNotFound, TooManyStreams

if TYPE_CHECKING:
    from ringback.client.aio.client import AsyncRingback

BODY_BYTES_MAX = 8 << 20
"""The largest message: room for a file of six megabytes in base64."""
CALLS_MAX = 20
"""Calls of one workspace at once."""
_RETRY_AFTER_S = 10
_PACKAGE = "ringback.mcp.protocol"


class ToolRoute:
    """The route of the tools."""

    def __init__(
        self,
        make_api: Callable[[], ASGIApp],
        authenticator: Authenticator,
        *,
        is_draining: Callable[[], bool],
    ) -> None:
        self._make_api = make_api
        self._api: ASGIApp | None = None  # made when it is first needed: few servers are asked
        self._authenticator = authenticator
        self._is_draining = is_draining
        self._open: Counter[str] = Counter()
        self._turns = asyncio.Semaphore()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message of the protocol."""
        check_origin(scope)
        workspace_id = await self._authenticator.workspace_of(scope)
        if scope["method"] != "POST":
            # Without sessions there is nothing to listen to, and none to end.
            raise MethodNotAllowed(scope["method"], ("POST",))
        await _protocol()
        with self._one_call(workspace_id):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings

        from ringback.mcp.protocol import server_of
        from ringback.mcp.tools import Toolbox

        async with self._client(scope) as client:
            toolbox = Toolbox(client, is_local=False, gives_up=self._is_draining, turns=self._turns)
            manager = StreamableHTTPSessionManager(
                server_of(toolbox),
                stateless=True,
                # Host and Origin have been judged, by what this server is called.
                security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
                max_request_body_size=BODY_BYTES_MAX,
            )
            async with manager.run():
                await manager.handle_request(scope, receive, send)

    def _client(self, scope: Scope) -> AsyncRingback:
        from ringback.client.aio.client import AsyncRingback
        from ringback.mcp.inside import InsideTransport

        self._api = self._api or self._make_api()
        return AsyncRingback(
            self._authenticator.token_of(scope).decode(),
            base_url_of(scope),
            http_transport=InsideTransport(self._api),
        )

    @contextmanager
    def _one_call(self, workspace_id: str) -> Iterator[None]:
        if self._open[workspace_id] >= CALLS_MAX:
            raise TooManyStreams(CALLS_MAX, retry_after_s=_RETRY_AFTER_S)
        self._open[workspace_id] += 1
        try:
            yield
        finally:
            self._open[workspace_id] -= 1
            if not self._open[workspace_id]:
                del self._open[workspace_id]


def check_origin(scope: Scope) -> None:
    """Raise ``OriginRefused`` for a browser's request from another site.

    Programs send no Origin. A page elsewhere has no token; it is refused all the same, before
    anything is looked at, so that nothing can be found out through a visitor's browser.
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


async def _protocol() -> None:
    """Load the protocol's package, which takes long, in a thread; or raise ``RouteNotFound``."""
    try:
        await asyncio.to_thread(import_module, _PACKAGE)
    except ModuleNotFoundError as exc:
        raise RouteNotFound(
            "This server speaks MCP once its package is installed: pip install 'ringback[mcp]'."
        ) from exc
