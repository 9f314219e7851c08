"""The address of a client behind trusted proxies, by X-Forwarded-For or Forwarded (RFC 7239).

Only the header that the proxies write is read: they pass the other on as the client sent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
ClientHeader = Literal["x-forwarded-for", "forwarded"]

_FOR = re.compile(r'(?i)(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;\s]*))')
_HOPS_MAX = 32


class ClientAddress:
    """Middleware that puts the client's own address into the scope, where proxies are trusted."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network], *, header: ClientHeader) -> None:
        self._app = app
        self._trusted = trusted
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the address that the trusted proxies report."""
        peer = scope.get("client")
        if scope["type"] == "http" and peer:
            found = client_of(peer[0], scope["headers"], self._trusted, header=self._header)
            if found != peer[0]:
                scope = {**scope, "client": (found, 0)}
        await self._app(scope, receive, send)


def client_of(
    peer: str,
    headers: Iterable[tuple[bytes, bytes]],
    trusted: Sequence[Network],
    *,
    header: ClientHeader,
) -> str:
    """Return the right-most address in the header that is no trusted proxy's.

    It is the peer's where the peer is no trusted proxy, and where the header is missing or its last
    address cannot be read.
    """
    if not _is_trusted(_address(peer), trusted):
        return peer
    return _first_untrusted(_HOPS[header](list(headers)), trusted) or peer


def _first_untrusted(hops: list[str], trusted: Sequence[Network]) -> str | None:
    last: Address | None = None
    for hop in reversed(hops[-_HOPS_MAX:]):
        address = _address(hop)
        if address is None:
            break  # nothing to the left of an unreadable hop was said by a trusted proxy
        last = address
        if not _is_trusted(address, trusted):
            break
    return None if last is None else str(last)


def _x_forwarded_for(headers: list[tuple[bytes, bytes]]) -> list[str]:
    return [one.strip() for one in _values(headers, b"x-forwarded-for")]


def _forwarded(headers: list[tuple[bytes, bytes]]) -> list[str]:
    found = []
    for element in _values(headers, b"forwarded"):
        match = _FOR.search(element.strip())
        found.append((match[1] or match[2] or "") if match else "")
    return found


_HOPS: dict[ClientHeader, Callable[[list[tuple[bytes, bytes]]], list[str]]] = {
    "x-forwarded-for": _x_forwarded_for,
    "forwarded": _forwarded,
}


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """Return the elements of a list header, of all its lines in their order."""
    return [
        element
        for key, value in headers
        if key.lower() == name
        for element in value.decode("latin-1").split(",")
    ]


def _address(text: str) -> Address | None:
    """Return the address of ``1.2.3.4``, ``2001:db8::1`` or either with a port; else None."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)
