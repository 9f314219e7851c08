"""The system's files about names: ``resolv.conf`` and ``hosts``, read again when they change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Generic, TypeVar

from ringback.egress.name_servers import NameServer, parse_name_server

RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")
SERVERS_MAX = 3
_NDOTS_MAX = 15
_SEARCH_MAX = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """The name servers to ask, and the domains that complete a short name."""

    servers: tuple[NameServer, ...]
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, host: str) -> list[str]:
        """Return the full names to ask for, in order: the first that exists is taken."""
        completed = [f"{host}.{domain}" for domain in self.search]
        return [host, *completed] if host.count(".") >= self.ndots else [*completed, host]


def parse_resolv_conf(text: str, *, hostname: str = "") -> ResolvConf:
    """Return the file's settings; unreadable lines are passed over, as the system does.

    Without ``search`` and ``domain`` the domain of the machine's own name is searched, and without
    a server one on this machine is asked.
    """
    servers: list[NameServer] = []
    domain = hostname.partition(".")[2]
    search: tuple[str, ...] = (domain,) if domain else ()
    ndots = 1
    for line in text.splitlines():
        match line.split("#")[0].split(";")[0].split():
            case ["nameserver", address, *_]:
                try:
                    servers.append(parse_name_server(address))
                except ValueError:
                    continue
            case ["search" | "domain", *domains]:
                search = tuple(name.strip(".").lower() for name in domains if name.strip("."))
            case ["options", *options]:
                for option in options:
                    name, _, value = option.partition(":")
                    if name == "ndots" and value.isascii() and value.isdigit():
                        ndots = min(int(value[:3]), _NDOTS_MAX)
            case _:
                continue
    return ResolvConf(
        servers=tuple(servers[:SERVERS_MAX]) or (NameServer("127.0.0.1"),),
        search=search[:_SEARCH_MAX],
        ndots=ndots,
    )


def parse_hosts(text: str) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of each name in a ``hosts`` file, in the order of its lines."""
    found: dict[str, dict[str, None]] = {}
    for line in text.splitlines():
        address, *names = line.split("#")[0].split() or [""]
        try:
            ip_address(address)
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower().rstrip("."), {})[address] = None
    return {name: tuple(addresses) for name, addresses in found.items()}


class WatchedFile(Generic[T]):
    """Holds a small file's meaning, and reads it anew when the file has changed."""

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        self._path = path
        self._parse = parse
        self._seen: tuple[int, ...] | None = None
        self._value = parse("")

    def value(self) -> T:
        """Return the file's present meaning; a missing file counts as an empty one."""
        try:
            status = os.stat(self._path)
            seen: tuple[int, ...] = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                text = self._path.read_text(encoding="utf-8", errors="replace")
                self._value = self._parse(text)
        except OSError:
            seen = ()
            if seen != self._seen:
                self._value = self._parse("")
        self._seen = seen
        return self._value
