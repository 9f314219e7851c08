"""The HTTP server of the API: uvicorn, with a callback when it is ready and our signal handling."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp

from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.http.protocol import BoundedProtocol
from ringback.log import get_logger

log = get_logger(__name__)

_TICKS_A_SECOND = 10  # as uvicorn counts them
_LOOK_EVERY_S = 0.005
_LEAST_S = 0.5  # for requests that are nearly done, however short the grace time is


class Server(Protocol):
    """A server that runs until ``should_exit``; ``force_exit`` ends it without a drain."""

    should_exit: bool
    force_exit: bool

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Run until ``should_exit``."""


class HttpServer(uvicorn.Server):
    """uvicorn with a callback when it is ready, and without its signal handlers and its polling.

    uvicorn looks every 0.1 s whether it is to end, and again whether its connections have ended.
    """

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        self._ended = asyncio.Event()
        super().__init__(config)
        self._on_ready = on_ready

    @property
    def should_exit(self) -> bool:
        """Return whether the server is to end."""
        return self._ended.is_set()

    @should_exit.setter
    def should_exit(self, ended: bool) -> None:
        if ended:
            self._ended.set()

    async def main_loop(self) -> None:
        """Renew the date header each second until ``should_exit``."""
        counter = 0
        while not await self.on_tick(counter):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._ended.wait()
            counter += _TICKS_A_SECOND

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, and let open requests end within the grace time."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state, grace_s = self.server_state, self.config.timeout_graceful_shutdown
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while (state.connections or state.tasks) and not self.force_exit:
                    await SystemClock().sleep(_LOOK_EVERY_S)
                return
        log.warning("stop_abandoned", what="requests", count=len(state.tasks))
        for task in state.tasks:
            task.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call ``on_ready``."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: uvicorn would end the process by the signal instead of with status 0."""
        yield


KEEP_ALIVE_S = 75.0
"""How long an idle connection is kept: longer than load balancers, which keep theirs for 60 s."""
_PROBE_AFTER_S, _PROBE_EVERY_S, _PROBES_MAX = 60, 15, 4  # of connections on which nothing moves


def http_server(
    api: ASGIApp,
    *,
    on_ready: Callable[[], None],
    grace_s: float,
    keep_alive_s: float = KEEP_ALIVE_S,
) -> HttpServer:
    """Return the server of an API; it waits so long for open requests when it stops."""
    return HttpServer(
        uvicorn.Config(
            api,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,  # ringback.log.libraries makes events of its messages
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # uvicorn's types are int, but it takes fractions of a second too.
            timeout_keep_alive=keep_alive_s,  # type: ignore[arg-type]
            timeout_graceful_shutdown=max(_LEAST_S, grace_s),  # type: ignore[arg-type]
        ),
        on_ready=on_ready,
    )


class Headless:
    """A server without a socket; it only waits for ``should_exit``."""

    force_exit = False

    def __init__(self, *, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        self._ended = asyncio.Event()

    @property
    def should_exit(self) -> bool:
        """Return whether the server is to end."""
        return self._ended.is_set()

    @should_exit.setter
    def should_exit(self, ended: bool) -> None:
        if ended:
            self._ended.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Call ``on_ready``, and wait for ``should_exit``."""
        self._on_ready()
        await self._ended.wait()


Stopping = Callable[[Server, Callable[[], None]], AbstractContextManager[None]]
"""A context in which some event stops the server and drains its work."""


@contextmanager
def stopping_by_signals(
    server: Server, drain: Callable[[], None], *, lifeline: int | None = None
) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the server; a second one stops it without waiting.

    The end of the process that holds the other end of the lifeline stops it too.
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
    # The sockets of connections inherit these options.
    with suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _probe_silent_connections(listener)
    listener.bind(address)
    listener.listen(2048)


def _probe_silent_connections(listener: socket.socket) -> None:
    """Let long polls and streams outlive routers that forget silent connections."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", _PROBE_AFTER_S),
        ("TCP_KEEPINTVL", _PROBE_EVERY_S),
        ("TCP_KEEPCNT", _PROBES_MAX),
    ):
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens on the host's first address, or raise ``SetupError``.

    Several processes can listen on one address if each of them asks for a shared socket.
    """
    with _refusals(host, port):
        return _listener(_addresses(host, port)[0], shared=shared)


def listen_everywhere(host: str, port: int) -> list[socket.socket]:
    """Return sockets on every address that the host has here, or raise ``SetupError``.

    They share one port, also when it is 0 and the system picks it.
    """
    listeners: list[socket.socket] = []
    with _refusals(host, port):
        try:
            for family, (address, first_port, *rest) in _addresses(host, port):
                own_port = listeners[0].getsockname()[1] if listeners else first_port
                try:
                    one = _listener((family, (address, own_port, *rest)), shared=False)
                except OSError as exc:
                    # A name may have an address that this machine lacks, like ::1 without IPv6.
                    if not listeners or exc.errno not in _NO_SUCH_ADDRESS:
                        raise
                else:
                    listeners.append(one)
        except OSError:
            for one in listeners:
                one.close()
            raise
    return listeners


_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _listener(where: tuple[int, tuple[Any, ...]], *, shared: bool) -> socket.socket:
    family, address = where
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        _bind(listener, address, shared=shared)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _refusals(host: str, port: int) -> Iterator[None]:
    """Make ``SetupError`` of the system's refusal to listen."""
    try:
        yield
    except (OSError, UnicodeError) as exc:
        raise SetupError(
            f"Cannot listen on {host}:{port} ({getattr(exc, 'strerror', exc)}); "
            "stop what uses it, or choose another address with --host and --port."
        ) from exc
