"""The look-up of one host name, as ``getaddrinfo`` does it, in asyncio and without threads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.name

from ringback.egress.address_order import ordered
from ringback.egress.dns_exchange import exchange
from ringback.egress.name_servers import NameServer
from ringback.egress.resolv_conf import (
    HOSTS,
    RESOLV_CONF,
    SERVERS_MAX,
    WatchedFile,
    parse_hosts,
    parse_resolv_conf,
)

_FAMILIES = 2
_TTL_S_MAX = 86_400
_LOOPBACK = ("::1", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The addresses of a name, or the error that says why there are none."""

    addresses: tuple[str, ...] = ()
    error: str = ""
    ttl_s: float = 0.0  # for how long it may be kept


class HostLookup(Protocol):
    """Finds the addresses of one name; the caller bounds how many look-ups run at once."""

    def known(self, host: str) -> tuple[str, ...]:
        """Return the addresses that need no question, if there are any."""

    async def find(self, host: str) -> Found:
        """Ask for a name, and wait for as long as the caller does."""

    def close(self) -> None:
        """Take no more questions."""


class DnsLookup:
    """Looks in the ``hosts`` file, then asks name servers, with the search list."""

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        resend_s: float = 0.5,
        resolv_conf: Path = RESOLV_CONF,
        hosts: Path = HOSTS,
    ) -> None:
        self._servers = tuple(servers[:SERVERS_MAX])
        self._resend_s = resend_s
        parse = partial(parse_resolv_conf, hostname=socket.gethostname())
        self._resolv_conf = WatchedFile(resolv_conf, parse)
        self._hosts = WatchedFile(hosts, parse_hosts)

    def known(self, host: str) -> tuple[str, ...]:
        """Return a literal address, the ``hosts`` file's addresses of a name, or loopback's."""
        with suppress(ValueError):
            return (str(ip_address(host)),)
        name = host.lower().rstrip(".")
        if addresses := self._hosts.value().get(name):
            return ordered(addresses)
        # RFC 6761: no name server is asked about localhost.
        if name == "localhost" or name.endswith(".localhost"):
            return ordered(_LOOPBACK)
        return ()

    async def find(self, host: str) -> Found:
        """Ask for the name and its completions in turn; the first that has addresses is it."""
        conf = self._resolv_conf.value()
        servers = self._servers or conf.servers
        error, ttls_s = "no name server knows the name", [_TTL_S_MAX]
        for candidate in conf.candidates(host):
            try:
                name = dns.name.from_text(candidate)
            except dns.exception.DNSException:
                continue  # too long, with the domain or without
            records = await exchange(name, servers, resend_s=self._resend_s)
            if addresses := [address for some in records for address in some.addresses]:
                ttl_s = min(some.ttl_s for some in records if some.addresses)
                return Found(addresses=ordered(addresses), ttl_s=ttl_s)
            ttls_s += [some.ttl_s for some in records]
            if len(records) < _FAMILIES:
                error, ttls_s = "the name servers could not answer", [0]
        return Found(error=error, ttl_s=min(ttls_s))

    def close(self) -> None:
        """Have nothing to close: a look-up's sockets end with it."""


class ThreadedLookup:
    """Asks the system's own resolver, on threads: for systems whose names are not in files."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    def known(self, host: str) -> tuple[str, ...]:
        """Return nothing: the system is always asked."""
        return ()

    async def find(self, host: str) -> Found:
        """Return ``getaddrinfo``'s answer; a cancelled look-up ends when its thread is free."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._threads, _getaddrinfo, host)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            await asyncio.wait([answer])
            raise

    def close(self) -> None:
        """Drop the look-ups that no thread has begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str) -> Found:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        return Found(error=str(exc))
    return Found(addresses=tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)))
