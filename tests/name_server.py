"""A real name server on loopback, over UDP and TCP, that answers as a test wants it to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Self, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from ringback.egress.name_servers import NameServer

ZONE = "test."


class FakeNameServer:
    """Answers questions about the names that it was told of; others do not exist.

    ``queries`` counts the questions by name and type, ``senders`` are the ports they came from.
    """

    def __init__(self, *, negative_ttl_s: int = 60) -> None:
        self.queries: Counter[tuple[str, str]] = Counter()
        self.over_tcp: Counter[str] = Counter()
        self.senders: set[object] = set()
        self.silent = True  # about names under .silent.test
        self._negative_ttl_s = negative_ttl_s
        self._records: dict[str, tuple[Sequence[str], int]] = {}
        self._aliases: dict[str, str] = {}
        self._truncated: set[str] = set()
        self._refused: set[str] = set()
        self._quiet_types: dict[str, str] = {}
        self._garbage: dict[str, bytes] = {}
        self._held: dict[str, asyncio.Event] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._stream = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._stream.sockets[0].getsockname()[1]
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=("127.0.0.1", self.port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for late in self._late:
            late.cancel()
        self._datagrams.close()
        self._stream.close()
        await self._stream.wait_closed()

    @property
    def where(self) -> NameServer:
        """Where the server answers."""
        return NameServer("127.0.0.1", self.port)

    def has(self, name: str, *addresses: str, ttl_s: int = 0) -> None:
        """Let a name have these addresses, of either family."""
        self._records[_full(name)] = (addresses, ttl_s)

    def forget(self, name: str) -> None:
        """Let a name exist no longer."""
        del self._records[_full(name)]

    def leads(self, name: str, to: str) -> None:
        """Let a name be another's alias."""
        self._aliases[_full(name)] = _full(to)

    def truncates(self, name: str) -> None:
        """Let the answer about a name have no room in a datagram."""
        self._truncated.add(_full(name))

    def refuses(self, name: str) -> None:
        """Let the server fail at a name."""
        self._refused.add(_full(name))

    def keeps_quiet(self, name: str, about: str) -> None:
        """Leave the questions of one type about a name unanswered."""
        self._quiet_types[_full(name)] = about

    def sends_garbage(self, name: str, data: bytes) -> None:
        """Send these bytes, after the question's number, before the answer about a name."""
        self._garbage[_full(name)] = data

    def holds(self, name: str) -> asyncio.Event:
        """Let the answers about a name wait for the event."""
        self._held[_full(name)] = asyncio.Event()
        return self._held[_full(name)]

    async def wait_for(self, count: int) -> None:
        """Return when so many questions have come in all."""
        while self.queries.total() < count:
            self._arrived.clear()
            await self._arrived.wait()

    def take(self, data: bytes, sender: object, send: _Send) -> None:
        """Take a datagram's question."""
        self.senders.add(sender)
        query = dns.message.from_wire(data)
        name = self._count(query)
        if event := self._held.get(name):
            late = asyncio.create_task(self._answer_later(event, query, send))
            self._late.add(late)
        elif not self._is_silent_about(query):
            if name in self._garbage:
                send(data[:2] + self._garbage[name])
            send(self._answer(query, in_datagram=True))

    async def _answer_later(
        self, event: asyncio.Event, query: dns.message.Message, send: _Send
    ) -> None:
        await event.wait()
        send(self._answer(query, in_datagram=True))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        query = dns.message.from_wire(await reader.readexactly(length))
        self.over_tcp[self._count(query)] += 1
        wire = self._answer(query, in_datagram=False)
        writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def _count(self, query: dns.message.Message) -> str:
        (question,) = query.question
        name = question.name.to_text().lower()
        self.queries[name, dns.rdatatype.to_text(question.rdtype)] += 1
        self._arrived.set()
        return name

    def _is_silent_about(self, query: dns.message.Message) -> bool:
        (question,) = query.question
        name = question.name.to_text().lower()
        is_quiet = self._quiet_types.get(name) == dns.rdatatype.to_text(question.rdtype)
        return is_quiet or (self.silent and name.endswith(".silent.test."))

    def _answer(self, query: dns.message.Message, *, in_datagram: bool) -> bytes:
        (question,) = query.question
        name = question.name.to_text().lower()
        answer = dns.message.make_response(query, recursion_available=True)
        if name in self._refused:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        if in_datagram and name in self._truncated:
            answer.flags |= dns.flags.TC
            return answer.to_wire()
        while name in self._aliases:
            alias, name = name, self._aliases[name]
            answer.answer.append(dns.rrset.from_text(alias, 60, "IN", "CNAME", name))
        if name not in self._records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        addresses, ttl_s = self._records.get(name, ((), 0))
        matching = [a for a in addresses if (":" in a) == (question.rdtype == dns.rdatatype.AAAA)]
        if matching:
            rrset = dns.rrset.from_text_list(name, ttl_s, "IN", question.rdtype, matching)
            answer.answer.append(rrset)
        elif self._negative_ttl_s:
            soa = f"ns.{ZONE} root.{ZONE} 1 60 60 60 {self._negative_ttl_s}"
            answer.authority.append(
                dns.rrset.from_text(ZONE, self._negative_ttl_s, "IN", "SOA", soa)
            )
        return answer.to_wire()


class _Send:
    """Sends a datagram back to one sender."""

    def __init__(self, transport: asyncio.DatagramTransport, sender: object) -> None:
        self._transport = transport
        self._sender = sender

    def __call__(self, data: bytes) -> None:
        self._transport.sendto(data, self._sender)  # type: ignore[arg-type]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: FakeNameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._server.take(data, addr, _Send(self._transport, addr))


def _full(name: str) -> str:
    return dns.name.from_text(name).to_text().lower()
