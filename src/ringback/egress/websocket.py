"""Listens to a server that the operator has named, over a WebSocket, through the same door.

The address is judged and dialled as for a request; redirects are not followed, nothing is
compressed, and a message has at most the bytes that the listener allows.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Reason
from ringback.egress.dial import (
    DialError,
    Dialler,
    DialSettings,
    Resolver,
    SystemResolver,
    system_trust,
)
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.url import MalformedTarget, parse_target

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_MESSAGES_WAITING_MAX = 16
_SCHEMES = {"http": "ws", "https": "wss"}

Headers = tuple[tuple[str, str], ...]
Messages = AsyncIterator[str | bytes]


class WebSockets:
    """Opens WebSockets; one per event loop and policy."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        open_timeout_s: float = 10.0,
        egress_proxy: EgressProxy | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        user_agent: str = "Ringback",
    ) -> None:
        self._open_timeout_s = open_timeout_s
        self._user_agent = user_agent
        self._own_resolver: SystemResolver | None = None
        if resolver is None:
            resolver = self._own_resolver = SystemResolver()
        self._dialler: Dialler = make_dialler(
            policy,
            proxy=egress_proxy,
            resolver=resolver,
            ssl_context=ssl_context or system_trust(),
            clock=clock or SystemClock(),
            settings=DialSettings(),
        )

    @asynccontextmanager
    async def listening(
        self, url: str, *, headers: Headers = (), message_bytes_max: int
    ) -> AsyncIterator[Messages]:
        """Yield what the server at an http or https URL sends, until either side ends it.

        Raises ``DialError`` when no WebSocket comes about. The messages end when the connection
        does, however it does.
        """
        from websockets.asyncio.client import ClientConnection
        from websockets.client import ClientProtocol
        from websockets.exceptions import WebSocketException
        from websockets.uri import parse_uri

        try:
            target = parse_target(url)
        except MalformedTarget as exc:
            raise DialError(Reason.BLOCKED_TARGET, exc.detail) from exc
        uri = parse_uri(f"{_SCHEMES[target.scheme]}://{target.authority}{target.path_and_query}")
        connection = ClientConnection(
            ClientProtocol(uri, max_size=message_bytes_max),
            close_timeout=1,
            max_queue=_MESSAGES_WAITING_MAX,
        )
        try:
            async with asyncio.timeout(self._open_timeout_s):
                await self._dialler.open(target, connection)
                await connection.handshake(dict(headers), self._user_agent)
        except TimeoutError as exc:
            _abort(connection)
            raise DialError(Reason.TIMEOUT, f"{target.origin} opened no WebSocket in time") from exc
        except (WebSocketException, OSError, ValueError) as exc:
            _abort(connection)
            raise DialError(Reason.PROTOCOL, f"{target.origin} opened no WebSocket: {exc}") from exc
        except BaseException:
            _abort(connection)
            raise
        connection.start_keepalive()
        try:
            yield _messages(connection)
        finally:
            _abort(connection)

    def close(self) -> None:
        """Let go of the resolver's threads."""
        if self._own_resolver is not None:
            self._own_resolver.close()


async def _messages(connection: ClientConnection) -> Messages:
    from websockets.exceptions import ConnectionClosed

    while True:
        try:
            yield await connection.recv()
        except ConnectionClosed:
            return


def _abort(connection: ClientConnection) -> None:
    """Leave at once: whoever stops listening has nothing more to say."""
    if hasattr(connection, "transport"):  # it was connected at all
        connection.transport.abort()
