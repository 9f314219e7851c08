"""The order in which a name's addresses are tried: RFC 6724's rules, as getaddrinfo has them.

Two of them matter to a caller: an address without a route from this machine comes last, and of
the rest the one that suits the system's source address comes first.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_ORDERED_MAX = 8  # of each family; fewer are dialled
_DISCARD_PORT = 9
# RFC 6724, section 2.1: prefix, precedence, label.
_POLICY = tuple(
    (IPv6Network(prefix), precedence, label)
    for prefix, precedence, label in (
        ("::1/128", 50, 0),
        ("::ffff:0:0/96", 35, 4),
        ("::/96", 1, 3),
        ("2001::/32", 5, 5),
        ("2002::/16", 30, 2),
        ("3ffe::/16", 1, 12),
        ("fec0::/10", 1, 11),
        ("fc00::/7", 3, 13),
        ("::/0", 40, 1),
    )
)
_LINK_LOCAL, _SITE_LOCAL, _GLOBAL = 2, 5, 14
_SITE = IPv6Network("fec0::/10")

SourceOf = Callable[[str], str | None]
"""Returns the address from which this machine would send to another; None without a route."""


def ordered(addresses: Iterable[str], source_of: SourceOf | None = None) -> tuple[str, ...]:
    """Return the addresses without repetitions, best first; equals keep their order."""
    source_of = source_of or source_address
    unique = list(dict.fromkeys(addresses))
    if len(unique) < 2:
        return tuple(unique)
    # Each costs a socket and a few look-ups in tables; a stranger's answer must not cost hundreds.
    ipv6 = [address for address in unique if ":" in address]
    ipv4 = [address for address in unique if ":" not in address]
    head = {*ipv6[:_ORDERED_MAX], *ipv4[:_ORDERED_MAX]}
    first = sorted(
        (address for address in unique if address in head),
        key=lambda address: _rank(address, source_of(address)),
    )
    return (*first, *(address for address in unique if address not in head))


def source_address(address: str) -> str | None:
    """Return the address from which this machine sends to another, or None without a route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((address, _DISCARD_PORT))  # sends nothing: it asks for the route
            return str(sock.getsockname()[0])
    except OSError:
        return None


def _rank(address: str, source: str | None) -> tuple[bool, bool, bool, int, int]:
    """Return the key of rules 1, 2, 5, 6 and 8; smaller is better."""
    target = _as_ipv6(address)
    precedence, label = _policy_of(target)
    if source is None:
        return True, True, True, -precedence, _scope_of(target)
    origin = _as_ipv6(source)
    return (
        False,
        _scope_of(target) != _scope_of(origin),
        label != _policy_of(origin)[1],
        -precedence,
        _scope_of(target),
    )


def _as_ipv6(address: str) -> IPv6Address:
    ip = ip_address(address.partition("%")[0])
    return IPv6Address(f"::ffff:{ip}") if isinstance(ip, IPv4Address) else ip


def _policy_of(ip: IPv6Address) -> tuple[int, int]:
    return next((precedence, label) for prefix, precedence, label in _POLICY if ip in prefix)


def _scope_of(ip: IPv6Address) -> int:
    inner = ip.ipv4_mapped or ip
    if inner.is_loopback or inner.is_link_local:
        return _LINK_LOCAL
    return _SITE_LOCAL if ip in _SITE else _GLOBAL
