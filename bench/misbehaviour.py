"""The requests of a misbehaving workspace: bad receivers, silent names, slow pictures."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import cast

from PIL import Image

from ringback.testing import FakeReceiver, ReceivedRequest, Script, drip, hang, respond

SCANS = 2_000
SLOW_ANSWER_S = 5.0
BAD_RECEIVERS = ("hang", "refuse", "reset", "reset-https", "drip", "slow-500")
HEALTHY_DOMAIN = "healthy.test"
SILENT_DOMAIN = "silent.test"


def addresses(count: int) -> list[str]:
    """Return that many addresses of this machine; each is a destination of its own."""
    return [f"127.{1 + n // 60_000}.{n // 250 % 240}.{2 + n % 250}" for n in range(count)]


@asynccontextmanager
async def receiver_everywhere(kind: str) -> AsyncIterator[str]:
    """Run a receiver on every address of this machine; gives ``scheme://{address}:port``."""
    scheme = "https" if kind.endswith("-https") else "http"
    if kind == "refuse":
        with _refusing() as port:
            yield f"{scheme}://{{address}}:{port}"
    elif kind.startswith("reset"):
        with _resetting() as port:
            yield f"{scheme}://{{address}}:{port}"
    else:
        async with FakeReceiver(host="0.0.0.0", then=_SCRIPTS[kind]) as receiver:
            yield f"{scheme}://{{address}}:{receiver.port}"


def _answer_late(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
    def answer() -> None:
        if not transport.is_closing():
            transport.write(respond(500))

    asyncio.get_running_loop().call_later(SLOW_ANSWER_S, answer)


_SCRIPTS: dict[str, Script] = {
    "healthy": 204,
    "hang": hang(),
    "drip": drip(respond(200, body=bytes(600)), every_s=1.0),
    "slow-500": _answer_late,
}


@contextmanager
def _refusing() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("0.0.0.0", 0))
        yield held.getsockname()[1]


@contextmanager
def _resetting() -> Iterator[int]:
    """Accept on a port and reset at once, from a thread: nothing is read, no loop comes between."""
    listener = socket.create_server(("0.0.0.0", 0), backlog=1024)

    def reset_all() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the listener was shut down
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    thread = threading.Thread(target=reset_all, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)
        listener.close()


class NameServer(asyncio.DatagramProtocol):
    """A name server on loopback: 127.0.0.1 for healthy names, and silence for the others."""

    def __init__(self) -> None:
        self.port = 0
        self._transport: asyncio.DatagramTransport

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (answer := answer_to(data)) is not None:
            self._transport.sendto(answer, addr)


def answer_to(question: bytes) -> bytes | None:
    """Return the answer (RFC 1035) to a question for a healthy name; None is silence."""
    labels, at = [], 12
    while at < len(question) and question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii", "replace").lower())
        at += 1 + question[at]
    end = at + 5  # the closing zero, the type, the class
    if len(question) < end or not ".".join(labels).endswith(HEALTHY_DOMAIN):
        return None
    is_a = question[at + 1 : at + 3] == b"\x00\x01"
    head = question[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if is_a else bytes(2)) + bytes(4)
    record = b"\xc0\x0c\x00\x01\x00\x01" + (60).to_bytes(4) + b"\x00\x04" + bytes((127, 0, 0, 1))
    return head + question[12:end] + (record if is_a else b"")


def slow_jpeg(scans: int = SCANS, *, side: int = 4_096) -> bytes:
    """Return a progressive JPEG whose last scan stands that often: small, and slow to decode."""
    output = BytesIO()
    picture = Image.linear_gradient("L").resize((side, side)).convert("RGB")
    picture.save(output, "JPEG", progressive=True)
    data = output.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def small_png() -> bytes:
    """Return a picture that anybody may upload."""
    output = BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(output, "PNG")
    return output.getvalue()


class HealthyReceiver(FakeReceiver):
    """The receiver of the well-behaved: it answers at once and serves files to fetch."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self._files = files
        self._awaited: dict[str, asyncio.Future[bytes]] = {}

    def awaited(self, path: str) -> asyncio.Future[bytes]:
        """Return the future of the webhook's body that comes to this path."""
        arrival: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited[path] = arrival
        return arrival

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        if (file := self._files.get(request.path)) is not None:
            transport.write(respond(200, body=file))
            return
        transport.write(respond(204))
        arrival = self._awaited.pop(request.path, None)
        if arrival is not None and not arrival.done():
            arrival.set_result(request.body)
