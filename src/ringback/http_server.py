"""The HTTP server around the API: uvicorn, told when to say that it answers and when to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from ringback.api.protocol import BoundedProtocol
from ringback.errors import SetupError


class HttpServer(uvicorn.Server):
    """uvicorn, telling when it answers and leaving signals to us."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then say so."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: uvicorn would end the process by the signal instead of with status 0."""
        yield


def http_server(api: ASGIApp, *, on_ready: Callable[[], None], grace_s: float) -> HttpServer:
    """Return the server of an API, which lets requests end for that long when it stops."""
    return HttpServer(
        uvicorn.Config(
            api,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, int(grace_s)),
        ),
        on_ready=on_ready,
    )


Stopping = Callable[[uvicorn.Server, Callable[[], None]], AbstractContextManager[None]]
"""Lets something stop the server, and have its work drained, for the time of a context."""


@contextmanager
def stopping_by_signals(server: uvicorn.Server, drain: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the server; a second one stops it without waiting."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address, or raise ``SetupError``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(2048)
    except (OSError, UnicodeError) as exc:
        raise SetupError(
            f"Cannot listen on {host}:{port} ({getattr(exc, 'strerror', exc)}); "
            "stop what uses it, or choose another address with --host and --port."
        ) from exc
    return listener
