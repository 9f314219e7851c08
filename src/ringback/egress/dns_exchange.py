"""The exchange of DNS messages with name servers: UDP, TCP for long answers, resending.

Every look-up has sockets of its own, which the event loop makes and closes: a stranger must guess
a port beside the message's number, and a look-up that is cancelled leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, repeat

import dns.message
import dns.name
import dns.rdatatype

from ringback.egress.dns_answer import MalformedAnswer, Records, read_answer
from ringback.egress.name_servers import NameServer

_SENDS_MAX = 3  # to one server
_OTHER_FAMILY_S = 0.5  # how long an answer with addresses waits for the other family's
# About 120 addresses. To read an answer takes the event loop's time.
_ANSWER_BYTES_MAX = 2_048
_TYPES = (dns.rdatatype.A, dns.rdatatype.AAAA)


async def exchange(
    name: dns.name.Name, servers: Sequence[NameServer], *, resend_s: float
) -> list[Records]:
    """Return a name's IPv4 and IPv6 records, less a family about which no server said anything.

    Every server is asked in turn, ``resend_s`` apart, and late answers still count. It waits for
    as long as the caller does, unless every server refuses.
    """
    asking = _Asking(name)
    try:
        await asking.run(servers, resend_s)
    finally:
        asking.close()
    return asking.found


class _Asking:
    """The questions about one name, and the sockets over which they were sent."""

    def __init__(self, name: dns.name.Name) -> None:
        queries = (dns.message.make_query(name, rdtype) for rdtype in _TYPES)
        self._unanswered = {query.id: query for query in queries}
        while len(self._unanswered) < len(_TYPES):  # both drew the same number
            query = dns.message.make_query(name, _TYPES[0])
            self._unanswered[query.id] = query
        self.found: list[Records] = []
        self._news = asyncio.Event()
        self._ends_at: float | None = None
        self._sockets: dict[NameServer, asyncio.DatagramTransport] = {}
        self._refused: set[tuple[NameServer, int]] = set()
        self._streams: dict[tuple[NameServer, int], asyncio.Task[None]] = {}

    async def run(self, servers: Sequence[NameServer], resend_s: float) -> None:
        """Ask until every question is answered or refused by every server."""
        loop = asyncio.get_running_loop()
        for server in chain.from_iterable(repeat(servers, _SENDS_MAX)):
            if self._may_ask([server]):
                await self._send(server)
                await self._wait([server], until=loop.time() + resend_s)
        await self._wait(servers, until=None)

    def close(self) -> None:
        """Close every socket."""
        for socket in self._sockets.values():
            socket.close()
        for stream in self._streams.values():
            stream.cancel()

    def _may_ask(self, servers: Iterable[NameServer]) -> bool:
        """Say whether one of the servers may still answer a question that is open."""
        if self._ends_at is not None and asyncio.get_running_loop().time() >= self._ends_at:
            return False
        return any(
            (server, number) not in self._refused
            for server in servers
            for number in self._unanswered
        )

    async def _wait(self, servers: Sequence[NameServer], *, until: float | None) -> None:
        loop = asyncio.get_running_loop()
        while self._may_ask(servers) and (until is None or loop.time() < until):
            ends = [time for time in (until, self._ends_at) if time is not None]
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(ends, default=None)):
                    await self._news.wait()

    async def _send(self, server: NameServer) -> None:
        try:
            socket = self._sockets.get(server) or await self._open(server)
        except OSError:
            self._refuse(server)  # there is no way to it
            return
        for number, query in self._unanswered.items():
            if (server, number) not in self._streams:
                socket.sendto(query.to_wire())

    async def _open(self, server: NameServer) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        # Connected: the system drops messages of other addresses, and reports a closed port.
        socket, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(self, server), remote_addr=(server.address, server.port)
        )
        self._sockets[server] = socket
        return socket

    def take(self, server: NameServer, data: bytes, *, is_stream: bool = False) -> None:
        """Take a server's message, if it answers an open question."""
        query = self._unanswered.get(int.from_bytes(data[:2], "big"))
        if query is None:
            return
        if len(data) > _ANSWER_BYTES_MAX:
            self._refuse(server, query.id)
            return
        question = query.question[0]
        try:
            answer = read_answer(data, name=question.name.to_digestable(), rdtype=question.rdtype)
        except MalformedAnswer:
            return  # a stranger's, or a server's that must do better until the time is up
        if answer.is_truncated and not is_stream:
            self._ask_by_stream(server, query)
            return
        if answer.records is None:
            self._refuse(server, query.id)
            return
        del self._unanswered[query.id]
        self.found.append(answer.records)
        if answer.records.addresses:
            self._ends_at = asyncio.get_running_loop().time() + _OTHER_FAMILY_S
        self._news.set()

    def _refuse(self, server: NameServer, number: int | None = None) -> None:
        numbers = self._unanswered if number is None else [number]
        self._refused.update((server, one) for one in numbers)
        self._news.set()

    def lose(self, server: NameServer) -> None:
        """Note that nobody listens at a server; long answers may still be on their way."""
        for number in self._unanswered:
            if (server, number) not in self._streams:
                self._refuse(server, number)

    def _ask_by_stream(self, server: NameServer, query: dns.message.Message) -> None:
        if (server, query.id) not in self._streams:
            stream = asyncio.create_task(self._stream(server, query))
            self._streams[server, query.id] = stream

    async def _stream(self, server: NameServer, query: dns.message.Message) -> None:
        try:
            reader, writer = await asyncio.open_connection(server.address, server.port)
            try:
                wire = query.to_wire()
                writer.write(len(wire).to_bytes(2, "big") + wire)
                length = int.from_bytes(await reader.readexactly(2), "big")
                if length <= _ANSWER_BYTES_MAX:
                    self.take(server, await reader.readexactly(length), is_stream=True)
            finally:
                writer.close()
        except (OSError, EOFError):
            pass
        if query.id in self._unanswered:
            self._refuse(server, query.id)


class _Socket(asyncio.DatagramProtocol):
    """A UDP socket that is connected to one name server, for one look-up."""

    def __init__(self, asking: _Asking, server: NameServer) -> None:
        self._asking = asking
        self._server = server

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._asking.take(self._server, data)

    def error_received(self, exc: Exception) -> None:
        self._asking.lose(self._server)
