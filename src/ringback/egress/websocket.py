"""Listens to a server that the operator has named, over a WebSocket.

The address is checked and dialled as for a request; redirects are not followed, nothing is
compressed, and a message has at most the bytes that the caller allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ringback.egress.answer import Reason
from ringback.egress.dial import DialError, Dialler
from ringback.egress.url import MalformedTarget, Target, parse_target

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

Headers = tuple[tuple[str, str], ...]
Messages = AsyncIterator[str | bytes]

_MESSAGES_WAITING_MAX = 16
_SCHEMES = {"http": "ws", "https": "wss"}


@asynccontextmanager
async def listening(
    dialler: Dialler,
    url: str,
    *,
    headers: Headers,
    user_agent: str,
    message_bytes_max: int,
    open_timeout_s: float = 10.0,
) -> AsyncIterator[Messages]:
    """Yield the messages of a server at an http or https URL, until either side ends it.

    Raises ``DialError`` when no WebSocket comes about. The messages end when the connection
    does, however it does.
    """
    try:
        target = parse_target(url)
    except MalformedTarget as exc:
        raise DialError(Reason.BLOCKED_TARGET, exc.detail) from exc
    connection = _connection(target, message_bytes_max)
    try:
        async with _opening(target, open_timeout_s):
            await dialler.open(target, connection)
            await connection.handshake(dict(headers), user_agent)
        connection.start_keepalive()
        yield _messages(connection)
    finally:
        # At once: there is nothing more to send.
        if hasattr(connection, "transport"):
            connection.transport.abort()


def _connection(target: Target, message_bytes_max: int) -> ClientConnection:
    from websockets.asyncio.client import ClientConnection
    from websockets.client import ClientProtocol
    from websockets.uri import parse_uri

    uri = parse_uri(f"{_SCHEMES[target.scheme]}://{target.authority}{target.path_and_query}")
    return ClientConnection(
        ClientProtocol(uri, max_size=message_bytes_max), max_queue=_MESSAGES_WAITING_MAX
    )


@asynccontextmanager
async def _opening(target: Target, timeout_s: float) -> AsyncIterator[None]:
    from websockets.exceptions import WebSocketException

    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as exc:
        raise DialError(Reason.TIMEOUT, f"{target.origin} opened no WebSocket in time") from exc
    except (WebSocketException, OSError, ValueError) as exc:
        raise DialError(Reason.PROTOCOL, f"{target.origin} opened no WebSocket: {exc}") from exc


async def _messages(connection: ClientConnection) -> Messages:
    from websockets.exceptions import ConnectionClosed

    while True:
        try:
            yield await connection.recv()
        except ConnectionClosed:
            return
