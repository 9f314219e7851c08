"""A bug planted in the dialler: a socket object owns the descriptor too, beside the transport.

A peer that resets before the TLS hello makes uvloop close the number, and then the object closes
it again, whosever it is by then. The check finds the object before it does so.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread

import pytest
import uvloop

from ringback.clock import SystemClock
from ringback.egress.answer import Limits, Reason
from ringback.egress.connection import Connection
from ringback.egress.dial import DialError, Dialler, DialSettings, system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.url import Target, parse_target
from ringback.egress.write_batching import WriteBatch
from ringback.testing import FakeResolver, settle
from tests.egress.descriptors import reset
from tests.egress.proxy import OPEN

RESETS = 20
HERE = "127.0.0.1"
CLOCK = SystemClock()

Make = Callable[[str | None], Connection]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Attaching(Dialler):
    """Connects a socket object, and attaches it to a transport."""

    async def dial(self, target: Target, addresses: Sequence[str | None], make: Make) -> Connection:
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (addresses[0], target.port))
        connection = make(addresses[0])
        is_https = target.scheme == "https"
        try:
            await loop.create_connection(
                lambda: connection,
                sock=sock,
                ssl=self._ssl_context if is_https else None,
                server_hostname=target.host if is_https else None,
            )
        except OSError as exc:
            raise DialError(Reason.TLS, str(exc)) from exc
        return connection


def a_dialler(proxy_port: int | None = None) -> Dialler:
    """Return the real one, that goes out through a proxy if there is one."""
    return make_dialler(
        TargetPolicy.dev(),
        proxy=None if proxy_port is None else EgressProxy(host=HERE, port=proxy_port),
        resolver=FakeResolver({HERE: [HERE]}),
        ssl_context=system_trust(),
        clock=CLOCK,
        settings=DialSettings(),
    )


def the_planted_one() -> Dialler:
    return Attaching(
        TargetPolicy.dev(),
        resolver=FakeResolver({}),
        ssl_context=system_trust(),
        clock=CLOCK,
        settings=DialSettings(),
    )


@contextmanager
def accepting(*, grants: bool) -> Iterator[tuple[int, SimpleQueue[socket.socket]]]:
    """Accept on a thread, granting what a proxy is asked; yields the port and what was accepted."""
    accepted: SimpleQueue[socket.socket] = SimpleQueue()
    with socket.create_server((HERE, 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # it was shut down
                while True:
                    peer, _ = listener.accept()
                    if grants:
                        peer.recv(8_192)
                        peer.sendall(OPEN)
                    accepted.put(peer)

        thread = Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1], accepted
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


async def second_owners_after_resets(
    dialler: Dialler, scheme: str, port: int, accepted: SimpleQueue[socket.socket]
) -> int:
    """Return how many socket objects would close a number again, of connections that were reset."""

    def make(address: str | None) -> Connection:
        reset(accepted.get(timeout=10))  # connected, and no byte of what follows is written
        return Connection(address, limits=Limits(), clock=CLOCK, writes=WriteBatch())

    target = parse_target(f"{scheme}://{HERE}:{port}/")
    found = 0
    for _ in range(RESETS):
        failure: DialError | None = None
        try:
            connection = await dialler.dial(target, [HERE], make)
            await settle()
            connection.abort()
        except DialError as exc:
            failure = exc  # kept: it holds the dialler's connections
        await settle()
        found += count_second_owners()
        del failure
    return found


def count_second_owners() -> int:
    """Return how many socket objects have a number that is closed, and take it from them."""
    objects = [found for found in gc.get_objects() if type(found) is socket.socket]
    second = [found for found in objects if found.fileno() >= 0 and not is_open(found.fileno())]
    for found in second:
        found.detach()
    return len(second)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("is_proxied", [False, True], ids=["directly", "through a proxy"])
def test_the_real_dialler_leaves_no_second_owner(loop: str, scheme: str, is_proxied: bool) -> None:
    with (
        accepting(grants=is_proxied) as (port, accepted),
        asyncio.Runner(loop_factory=LOOPS[loop]) as runner,
    ):
        dialler = a_dialler(port if is_proxied else None)
        assert runner.run(second_owners_after_resets(dialler, scheme, port, accepted)) == 0


def test_a_socket_object_that_is_attached_to_a_transport_is_found() -> None:
    with (
        accepting(grants=False) as (port, accepted),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(second_owners_after_resets(the_planted_one(), "https", port, accepted))
    assert found == RESETS
