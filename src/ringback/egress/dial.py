"""From a target to an open connection: resolve, judge every answer, dial one that was judged."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSettings:
    """How long the steps up to an open connection may take."""

    connect_timeout_s: float = 5.0  # per address
    dns_timeout_s: float = 2.0


class Dialler:
    """Opens connections to addresses that the policy passed, and to no others."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        clock: Clock,
        settings: DialSettings,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._clock = clock
        self._settings = settings

    def looks_up(self, target: Target) -> bool:
        """Say whether the target's addresses come from the DNS."""
        return target.address is None

    async def judged_addresses(self, target: Target) -> Sequence[str | None]:
        """Return the target's addresses, every one of which may be dialled, or ``DialError``."""
        try:
            self._policy.judge_url(target)
            return await self._look_up(target)
        except BlockedTarget as exc:
            raise DialError(Reason.BLOCKED_TARGET, exc.detail) from exc

    async def dial(
        self,
        target: Target,
        addresses: Sequence[str | None],
        make: Callable[[str | None], Connection],
    ) -> Connection:
        """Return an open connection to one of the judged addresses, or raise ``DialError``.

        ``make`` builds a connection for an address; for None, where a proxy chose it.
        """
        started = self._clock.monotonic()
        sock, address = await self._connect(target, addresses)
        connected = self._clock.monotonic()
        connection = make(address)
        await self._attach(connection, sock, target, address)
        connection.connect_ms = (connected - started) * 1000
        if target.scheme == "https":
            connection.tls_ms = (self._clock.monotonic() - connected) * 1000
        return connection

    async def open(self, target: Target, protocol: asyncio.BaseProtocol) -> None:
        """Judge a target, connect to it and hand what comes to the protocol; or ``DialError``."""
        sock, address = await self._connect(target, await self.judged_addresses(target))
        await self._attach(protocol, sock, target, address)

    async def _look_up(self, target: Target) -> Sequence[str | None]:
        addresses = await self._resolve(target) if self.looks_up(target) else [target.host]
        # One bad answer refuses all: a name that points both ways is an attack, or a mistake.
        for address in addresses:
            self._policy.judge_address(address, target.port)
        return addresses

    async def _resolve(self, target: Target) -> Sequence[str]:
        timeout_s = self._settings.dns_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._resolver.resolve(target.host, target.port)
        except TimeoutError as exc:
            detail = f"{target.host} was not resolved within {timeout_s} s"
            raise DialError(Reason.DNS, detail) from exc
        except (OSError, UnicodeError) as exc:
            raise DialError(Reason.DNS, f"{target.host} was not resolved: {exc}") from exc
        if not addresses:
            raise DialError(Reason.DNS, f"{target.host} has no address")
        return addresses

    async def _connect(
        self, target: Target, addresses: Sequence[str | None]
    ) -> tuple[socket.socket, str | None]:
        timeout_s = self._settings.connect_timeout_s
        details = []
        for address in addresses[:ADDRESSES_DIALLED_MAX]:
            assert address is not None, "only a proxy dials without an address"
            try:
                async with asyncio.timeout(timeout_s):
                    return await open_socket(address, target.port), address
            except TimeoutError:
                details.append(f"{address} did not answer within {timeout_s} s")
            except OSError as exc:
                details.append(f"{address}: {exc}")
        raise DialError(Reason.CONNECT, "; ".join(details))

    async def _attach(
        self,
        protocol: asyncio.BaseProtocol,
        sock: socket.socket,
        target: Target,
        address: str | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            if target.scheme == "https":
                # The certificate is checked against the URL's own host, not what it resolved to.
                await loop.create_connection(
                    lambda: protocol,
                    sock=sock,
                    ssl=self._ssl_context,
                    server_hostname=target.host,
                    ssl_shutdown_timeout=_TLS_SHUTDOWN_TIMEOUT_S,
                )
            else:
                await loop.create_connection(lambda: protocol, sock=sock)
        except (OSError, UnicodeError) as exc:
            reason = Reason.TLS if target.scheme == "https" else Reason.CONNECT
            raise DialError(reason, f"{target.host} at {address}: {exc}") from exc


async def open_socket(address: str, port: int) -> socket.socket:
    """Return a socket connected to the address, or raise ``OSError``."""
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
