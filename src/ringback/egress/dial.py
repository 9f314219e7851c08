"""From a target to an open connection: resolve, judge every answer, dial one that was judged."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.connection import Connection
from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.url import Target

ADDRESSES_DIALLED_MAX = 4
_RESOLVER_THREADS = 64
_TLS_SHUTDOWN_TIMEOUT_S = 1.0


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the name's addresses in the order to try them, or raise ``OSError``."""


class SystemResolver:
    """The machine's resolver, on threads of its own; one question per name at a time.

    A slow name server holds a thread for seconds. The loop's own few threads would soon all be
    waiting for one attacker's names, and everybody else's with them.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolve")
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the name's addresses as ``getaddrinfo`` orders them."""
        question = (host, port)
        answer = self._asked.get(question)
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = loop.run_in_executor(self._threads, _getaddrinfo, host, port)
            self._asked[question] = answer
            answer.add_done_callback(lambda done: self._forget(question, done))
        # Shielded: one asker's deadline must not cancel the question for the others.
        return await asyncio.shield(answer)

    def _forget(self, question: tuple[str, int], answer: asyncio.Future[list[str]]) -> None:
        self._asked.pop(question, None)
        if not answer.cancelled():
            answer.exception()  # seen: the askers may all have gone before it failed

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class DialError(Exception):
    """No connection came about; ``reason`` is stable, ``detail`` is for the operator."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Dialler:
    """Opens connections to addresses that the policy passed, and to no others."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        clock: Clock,
        dns_timeout_s: float,
        connect_timeout_s: float,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._clock = clock
        self._dns_timeout_s = dns_timeout_s
        self._connect_timeout_s = connect_timeout_s

    async def dial(self, target: Target, make: Callable[[str], Connection]) -> Connection:
        """Return an open connection, or raise ``DialError``; ``make`` builds one for an address."""
        started = self._clock.monotonic()
        addresses = await self._judged_addresses(target)
        resolved = self._clock.monotonic()
        sock, address = await self._connect(addresses, target.port)
        connected = self._clock.monotonic()
        connection = make(address)
        await self._attach(connection, sock, target)
        connection.connect_ms = (connected - resolved) * 1000
        if target.address is None:
            connection.dns_ms = (resolved - started) * 1000
        if target.scheme == "https":
            connection.tls_ms = (self._clock.monotonic() - connected) * 1000
        return connection

    async def _judged_addresses(self, target: Target) -> Sequence[str]:
        try:
            self._policy.judge_url(target)
            addresses = [target.host] if target.address is not None else await self._resolve(target)
            # One bad answer refuses all: a name that points both ways is an attack, or a mistake.
            for address in addresses:
                self._policy.judge_address(address, target.port)
        except BlockedTarget as exc:
            raise DialError(Reason.BLOCKED_TARGET, exc.detail) from exc
        return addresses

    async def _resolve(self, target: Target) -> Sequence[str]:
        try:
            async with asyncio.timeout(self._dns_timeout_s):
                addresses = await self._resolver.resolve(target.host, target.port)
        except TimeoutError as exc:
            detail = f"{target.host} was not resolved within {self._dns_timeout_s} s"
            raise DialError(Reason.DNS, detail) from exc
        except (OSError, UnicodeError) as exc:
            raise DialError(Reason.DNS, f"{target.host} was not resolved: {exc}") from exc
        if not addresses:
            raise DialError(Reason.DNS, f"{target.host} has no address")
        return addresses

    async def _connect(self, addresses: Sequence[str], port: int) -> tuple[socket.socket, str]:
        details = []
        for address in addresses[:ADDRESSES_DIALLED_MAX]:
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    return await _open_socket(address, port), address
            except TimeoutError:
                details.append(f"{address} did not answer within {self._connect_timeout_s} s")
            except OSError as exc:
                details.append(f"{address}: {exc}")
        raise DialError(Reason.CONNECT, "; ".join(details))

    async def _attach(self, connection: Connection, sock: socket.socket, target: Target) -> None:
        loop = asyncio.get_running_loop()
        try:
            if target.scheme == "https":
                # The certificate is checked against the URL's own host, not what it resolved to.
                await loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._ssl_context,
                    server_hostname=target.host,
                    ssl_shutdown_timeout=_TLS_SHUTDOWN_TIMEOUT_S,
                )
            else:
                await loop.create_connection(lambda: connection, sock=sock)
        except OSError as exc:
            reason = Reason.TLS if target.scheme == "https" else Reason.CONNECT
            raise DialError(reason, f"{target.host} at {connection.address}: {exc}") from exc


async def _open_socket(address: str, port: int) -> socket.socket:
    ip = ip_address(address)
    family = socket.AF_INET6 if isinstance(ip, IPv6Address) else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def system_trust() -> ssl.SSLContext:
    """Return a TLS client context that trusts what the machine trusts and speaks HTTP/1.1."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
