"""The HTTP server around the API: uvicorn, told when to say that it answers and when to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp

from ringback.api.protocol import BoundedProtocol
from ringback.errors import SetupError


class Server(Protocol):
    """What runs until it is told to end; a second telling does not let it finish."""

    should_exit: bool
    force_exit: bool

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Run until ``should_exit``."""


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


class Headless:
    """A server without a socket: it only waits to be told to end."""

    force_exit = False

    def __init__(self, *, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        self._ended = asyncio.Event()

    @property
    def should_exit(self) -> bool:
        """Say whether it was told to end."""
        return self._ended.is_set()

    @should_exit.setter
    def should_exit(self, ended: bool) -> None:
        if ended:
            self._ended.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that everything runs, and wait."""
        self._on_ready()
        await self._ended.wait()


Stopping = Callable[[Server, Callable[[], None]], AbstractContextManager[None]]
"""Lets something stop the server, and have its work drained, for the time of a context."""


@contextmanager
def stopping_by_signals(
    server: Server, drain: Callable[[], None], *, lifeline: int | None = None
) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the server; a second one stops it without waiting.

    So does the end of the process that holds the other end of the lifeline.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        drain()

    def cut() -> None:
        assert lifeline is not None
        loop.remove_reader(lifeline)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if lifeline is not None:
        loop.add_reader(lifeline, cut)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _bind(listener: socket.socket, address: Any, *, shared: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(address)
    listener.listen(2048)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens on the address, or raise ``SetupError``.

    A shared one lets processes that say so too listen there beside it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            _bind(listener, address, shared=shared)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as exc:
        raise SetupError(
            f"Cannot listen on {host}:{port} ({getattr(exc, 'strerror', exc)}); "
            "stop what uses it, or choose another address with --host and --port."
        ) from exc
    return listener
