"""A new connection, until a protocol takes it over: on both event loops."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import cast

import pytest
import uvloop

import ringback
from ringback.egress.new_connection import NewConnection

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a test's body on an event loop of each kind."""

    def run_in_time(body: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(body, 20))

    return run_in_time


class End(asyncio.Protocol):
    """One end of a connection; writes down what becomes of it."""

    def __init__(self, says: bytes = b"") -> None:
        self.events: list[str] = []
        self.made = asyncio.Event()
        self.read = asyncio.Event()
        self.lost = asyncio.Event()
        self._says = says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.events.append("made")
        self.made.set()
        self.transport.write(self._says)

    def data_received(self, data: bytes) -> None:
        self.read.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.lost.set()


async def connected(
    use: Callable[[NewConnection, End], Awaitable[None]], says: bytes = b""
) -> None:
    """Use a connection to a server that says something at once; the server's end is given too."""
    other = End(says)
    server = await asyncio.get_running_loop().create_server(lambda: other, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        opened = await NewConnection.open("127.0.0.1", port)
        await other.made.wait()
        await use(opened, other)
        await other.lost.wait()


def test_small_writes_are_not_held_back(run: Run) -> None:
    async def use(opened: NewConnection, other: End) -> None:
        owner = End()
        opened.hand_over(owner)
        sock = owner.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        owner.transport.abort()

    run(connected(use))


def test_a_name_is_refused_and_never_resolved(run: Run) -> None:
    async def body() -> None:
        with pytest.raises(ValueError, match="localhost"):
            await NewConnection.open("localhost", 80)

    run(body())


def test_a_connection_that_nobody_took_over_is_closed(run: Run) -> None:
    async def use(opened: NewConnection, other: End) -> None:
        with opened:
            pass
        with pytest.raises(ConnectionResetError):
            opened.hand_over(End())

    run(connected(use))


def test_a_connection_that_was_taken_over_is_its_owners_to_the_end(run: Run) -> None:
    async def use(opened: NewConnection, other: End) -> None:
        owner = End()
        with opened:
            opened.hand_over(owner)
        assert not owner.transport.is_closing()
        other.transport.close()
        await owner.lost.wait()
        assert owner.events == ["made", "lost"]

    run(connected(use))


def test_bytes_that_nobody_asked_for_end_it(run: Run) -> None:
    async def use(opened: NewConnection, other: End) -> None:
        await other.lost.wait()
        owner = End()
        with pytest.raises(ConnectionResetError):
            opened.hand_over(owner)
        assert owner.events == []

    run(connected(use, says=b"220 ready\r\n"))


def test_an_answer_is_what_came_when_the_other_side_closes_early(run: Run) -> None:
    async def use(opened: NewConnection, other: End) -> None:
        asking = asyncio.ensure_future(opened.exchange(b"?", end=b"\r\n\r\n", bytes_max=100))
        await other.read.wait()  # what is closed on unread bytes would be reset
        other.transport.write(b"HTTP/1.1 200 OK\r\n")
        other.transport.close()
        assert await asking == b"HTTP/1.1 200 OK\r\n"

    run(connected(use))


def test_no_module_opens_a_connection_but_the_dialler_and_the_resolver() -> None:
    package = Path(ringback.__file__).parent
    opens = re.compile(
        r"\.(create_connection|create_unix_connection|open_connection|sock_connect"
        r"|connect_accepted_socket)\("
    )
    modules = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if opens.search(path.read_text("utf-8"))
    }
    assert modules == {"egress/new_connection.py", "egress/dns_exchange.py"}


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system has no such option")
def test_a_long_silence_is_kept_alive_by_the_system(run: Run) -> None:
    async def use(opened: NewConnection, _server: End) -> None:
        with opened:
            sock = opened._open_transport().get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60

    run(connected(use))
