"""Connections that fail at every stage, by every door that dials; run as a program.

``python -m delivery.descriptors LOOP FAILURES STAGES`` has that many connections fail at each
stage through each door, on ``asyncio``'s or ``uvloop``'s event loop, and prints as JSON what came
of them and how many descriptors are left open. ``descriptors.c``, preloaded, counts the numbers
closed twice. The servers are another process's: all descriptors counted are those of the doors.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import socket
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from ringback.clock import SystemClock
from ringback.egress.dial import DialError
from ringback.egress.fetcher import Fetcher
from ringback.egress.http_client import HttpClient, Request
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, parse_proxy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.errors import FetchError
from ringback.testing import FakeResolver, settle
from tests.egress.conftest import TLS
from tests.egress.proxy import OPEN, FakeProxy

NAMES = FakeResolver({"receiver.test": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]})
CONNECT_S = 0.05
TOTAL_S = 0.2
IN_FLIGHT = 24
QUIET_S = 20.0

RESET = struct.pack("ii", 1, 0)

Door = Callable[[str], Awaitable[str]]


class Stage(Struct, frozen=True, kw_only=True):
    """Where a connection fails: a server that makes it, or a caller that gives up."""

    name: str
    port: int
    host: str = "127.0.0.1"
    gives_up: str | None = None  # when the caller does
    proxy_port: int = 0  # 0: an honest proxy leads to the server

    def url(self, scheme: str) -> str:
        """Return the address of the server."""
        return f"{scheme}://{self.host}:{self.port}/"


def reset(peer: socket.socket) -> None:
    """Close a connection by RST, with its unread bytes."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    peer.close()


class Silent(asyncio.Protocol):
    """Reads and says nothing."""


class Resets(asyncio.Protocol):
    """Resets when it has read something; as a proxy, when it has granted a CONNECT."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"CONNECT "):
            self._transport.write(OPEN)
            # A reset may take along what was written just before it.
            asyncio.get_running_loop().call_later(0.0005, self._reset)
        else:
            self._reset()

    def _reset(self) -> None:
        if not self._transport.is_closing():
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()


class ResetsAtOnce:
    """Accepts and resets on a thread of its own, which nothing else delays; counts them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = threading.Thread(target=self._serve)
        self.port: int = self._listener.getsockname()[1]
        self.count = 0

    def _serve(self) -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                reset(self._listener.accept()[0])
                self.count += 1

    def __enter__(self) -> ResetsAtOnce:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@contextmanager
def takes_nobody() -> Iterator[int]:
    """Listen with a backlog that is full; yields the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        held = [socket.socket() for _ in range(4)]
        for idle_client in held:
            idle_client.setblocking(False)
            idle_client.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for idle_client in held:
                idle_client.close()


@asynccontextmanager
async def stages() -> AsyncIterator[list[Stage]]:
    """Open the servers at which connections fail, and the proxies before them."""
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(TLS / "receiver.pem", TLS / "receiver.key")
    async with AsyncExitStack() as stack:

        async def serve(
            protocol: type[asyncio.Protocol], context: ssl.SSLContext | None = None
        ) -> int:
            server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context)
            await stack.enter_async_context(server)
            port: int = server.sockets[0].getsockname()[1]
            return port

        refusing = stack.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))
        refused: int = refusing.getsockname()[1]
        at_once = stack.enter_context(ResetsAtOnce()).port
        full = stack.enter_context(takes_nobody())
        when_read, silent = await serve(Resets), await serve(Silent)
        mute = await serve(Silent, tls)
        test = "receiver.test"
        made = [
            Stage(name="refused", port=refused, proxy_port=refused),
            Stage(name="reset before the hello", port=at_once, proxy_port=when_read),
            Stage(name="reset by the proxy", port=at_once, proxy_port=at_once),
            Stage(name="reset after the hello", port=when_read),
            Stage(name="wrong certificate", port=mute),
            Stage(name="no answer to connect", port=full, proxy_port=full),
            Stage(name="no answer to the hello", port=silent),
            Stage(name="no answer", port=mute, host=test),
            Stage(name="cancelled at connect", port=full, gives_up="soon", proxy_port=full),
            Stage(name="cancelled at the hello", port=silent, gives_up="late"),
            Stage(name="cancelled anywhere", port=mute, host=test, gives_up="anywhere"),
            Stage(name="cancelled at the answer", port=mute, host=test, gives_up="late"),
        ]
        for number, stage in enumerate(made):
            if not stage.proxy_port:
                proxy = await stack.enter_async_context(FakeProxy(stage.port))
                made[number] = replace(stage, proxy_port=proxy.port)
        yield made


async def give_up(task: asyncio.Task[str], when: str, number: int) -> None:
    """Cancel: after some turns of the event loop, in the midst, or when all has long been open."""
    if when == "soon":
        await settle(2 + number % 8)
    else:
        wait_s = TOTAL_S / 4 if when == "late" else (number % 50) / 2_500
        await asyncio.wait([task], timeout=wait_s)
    task.cancel()


@asynccontextmanager
async def doors(tls: ssl.SSLContext, proxy: EgressProxy | None) -> AsyncIterator[dict[str, Door]]:
    """Make one of each that dials; each door says for which reason it failed."""
    settings = ClientSettings(
        total_timeout_s=TOTAL_S,
        connect_timeout_s=CONNECT_S,
        dns_timeout_s=CONNECT_S,
        egress_proxy=proxy,
    )
    sender = WebhookSender(
        TargetPolicy.dev(),
        settings=settings,
        resolver=NAMES,
        ssl_context=tls,
    )
    fetcher = Fetcher(
        TargetPolicy.dev(),
        settings=settings,
        resolver=NAMES,
        ssl_context=tls,
    )
    http_client = HttpClient(
        TargetPolicy.operator(),
        settings=settings,
        resolver=NAMES,
        ssl_context=tls,
    )

    async def send(url: str) -> str:
        return str((await sender.post(url, [], b"{}")).reason)

    async def fetch(url: str) -> str:
        try:
            await fetcher.get(url, bytes_max=1_000)
        except FetchError as exc:
            return str(exc.reason)
        return "None"

    async def call(url: str) -> str:
        reply = await http_client.send(Request(method="GET", url=url, timeout_s=TOTAL_S))
        return str(reply.reason)

    async def listen(url: str) -> str:
        try:
            async with http_client.listening(url, message_bytes_max=1_000, open_timeout_s=TOTAL_S):
                return "None"
        except DialError as exc:
            return str(exc.reason)

    yield {"sender": send, "fetcher": fetch, "caller": call, "websocket": listen}
    await sender.close()
    fetcher.close()
    http_client.close()


async def fail_all(
    found: Sequence[tuple[Stage, str, Door]], failures: int
) -> dict[str, Counter[str]]:
    """Have that many connections fail at each stage, scheme and door; count the reasons."""
    reasons: dict[str, Counter[str]] = {stage.name: Counter() for stage, *_ in found}
    attempts = iter([(*one, number) for number in range(failures) for one in found])

    async def go_on() -> None:
        for stage, scheme, door, number in attempts:
            task = asyncio.ensure_future(door(stage.url(scheme)))
            if stage.gives_up is not None:
                await give_up(task, stage.gives_up, number)
            try:
                reasons[stage.name][await task] += 1
            except asyncio.CancelledError:
                reasons[stage.name]["cancelled"] += 1

    await asyncio.gather(*(go_on() for _ in range(IN_FLIGHT)))
    return reasons


def open_descriptors() -> int | None:
    """Return how many descriptors this process has open, where the system says so."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else None


async def until_closed(before: int | None) -> int | None:
    """Return how many more descriptors are open than before, once none is or time is up."""
    if before is None:
        return None
    clock = SystemClock()
    deadline = clock.monotonic() + QUIET_S
    while True:
        gc.collect()
        left = cast("int", open_descriptors()) - before
        if left <= 0 or clock.monotonic() > deadline:
            return left
        await clock.sleep(0.01)


def second_closes() -> int | None:
    """Return how many numbers were closed that were not open; None without the counter."""
    count = getattr(ctypes.CDLL(None), "ringback_second_closes", None)
    return None if count is None else cast("int", count())


async def run(met: Sequence[Stage], failures: int) -> dict[str, object]:
    """Fail through every door, directly and through a proxy."""
    tls = ssl.create_default_context(cafile=TLS / "authority.pem")
    async with AsyncExitStack() as stack:
        found: list[tuple[Stage, str, Door]] = []
        direct = await stack.enter_async_context(doors(tls, None))
        for stage in met:
            proxy = parse_proxy(f"http://127.0.0.1:{stage.proxy_port}")
            proxied = await stack.enter_async_context(doors(tls, proxy))
            found += [
                (stage, scheme, door)
                for scheme in ("http", "https")
                for door in (*direct.values(), *proxied.values())
            ]
        refused = met[0].url("http")
        await direct["fetcher"](refused)  # libuv opens /dev/null at its first, and keeps it
        before, closes = open_descriptors(), second_closes()
        reasons = await fail_all(found, failures)
        left = await until_closed(before)
        gc.collect()
        now = second_closes()
    return {
        "reasons": reasons,
        "descriptors_left": left,
        "second_closes": None if now is None or closes is None else now - closes,
    }


if __name__ == "__main__":
    loop, many, described = sys.argv[1:]
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        report = runner.run(run(msgspec.json.decode(described, type=list[Stage]), int(many)))
    print(json.dumps(report))
