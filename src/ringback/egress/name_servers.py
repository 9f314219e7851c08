"""The addresses of name servers, as settings and ``resolv.conf`` spell them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

DNS_PORT = 53
_IN_BRACKETS = re.compile(r"\[(?P<address>[^\[\]]+)\](?::(?P<port>[0-9]{1,5}))?")
_WITH_PORT = re.compile(r"(?P<address>[0-9.]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where a name server answers, over UDP and over TCP."""

    address: str
    port: int = DNS_PORT


def parse_name_server(text: str) -> NameServer:
    """Return the server of ``ADDRESS``, ``ADDRESS:PORT`` or ``[ADDRESS]:PORT``, or ``ValueError``.

    An IPv6 address may name its interface, as link-local ones must: ``fe80::1%eth0``.
    """
    text = text.strip()
    split = _IN_BRACKETS.fullmatch(text) or _WITH_PORT.fullmatch(text)
    address = text if split is None else split["address"]
    port = DNS_PORT if split is None or split["port"] is None else int(split["port"])
    try:
        ip_address(address)
    except ValueError:
        address = ""
    if not address or not 1 <= port <= 65_535:
        raise ValueError(f"{text!r} is no name server; write ADDRESS, ADDRESS:PORT or [IPv6]:PORT")
    return NameServer(address, port)


def parse_name_servers(texts: Iterable[str]) -> tuple[NameServer, ...]:
    """Return the servers in their order, or raise ``ValueError`` about the first wrong one."""
    return tuple(map(parse_name_server, texts))
