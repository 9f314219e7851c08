"""Which URLs and addresses may be called; the caller learns that one may not, never why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from ringback.egress.addresses import METADATA, is_loopback, not_public, unmapped
from ringback.egress.local import is_local
from ringback.egress.url import Target
from ringback.errors import InvalidTarget

PORTS = frozenset({80, 443, 8080, 8443})

# Names that are only ever answered from inside somebody's network.
_INSIDE_SUFFIXES = (
    ".corp",
    ".home",
    ".home.arpa",
    ".internal",
    ".intranet",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
    ".private",
    ".svc",
)


class BlockedTarget(InvalidTarget):
    """The URL is well spelled but may not be called; ``detail`` is for the operator's log alone."""

    def __init__(self, detail: str) -> None:
        # One sentence for every case: a different one would tell a stranger about our network.
        super().__init__("This URL may not be called from here; use a public https URL.")
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """What may be dialled, as a value: judged once by URL and again by every resolved address."""

    allow_http: bool = False
    allow_loopback: bool = False
    ports: frozenset[int] | None = PORTS  # None: any
    own_addresses: frozenset[tuple[str, int]] = frozenset()  # where we listen; never dialled
    is_local: Callable[[IPv4Address | IPv6Address], bool] = is_local  # this machine's addresses
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()  # an operator's own, dialled too

    @classmethod
    def server(
        cls,
        *,
        allow_http: bool = False,
        own_addresses: frozenset[tuple[str, int]] = frozenset(),
        allow_networks: tuple[IPv4Network | IPv6Network, ...] = (),
    ) -> TargetPolicy:
        """Return the policy of a server that strangers use: the public internet alone."""
        return cls(
            allow_http=allow_http,
            own_addresses=own_addresses,
            allow_networks=allow_networks,
        )

    @classmethod
    def dev(
        cls,
        *,
        own_addresses: frozenset[tuple[str, int]] = frozenset(),
        allow_networks: tuple[IPv4Network | IPv6Network, ...] = (),
    ) -> TargetPolicy:
        """Return the policy of a developer's machine: also http, loopback and any port."""
        return cls(
            allow_http=True,
            allow_loopback=True,
            ports=None,
            own_addresses=own_addresses,
            allow_networks=allow_networks,
        )

    @classmethod
    def operator(cls, *, own_addresses: frozenset[tuple[str, int]] = frozenset()) -> TargetPolicy:
        """Return the policy for a URL that the operator has set: inside addresses too."""
        return cls(
            allow_http=True,
            allow_loopback=True,
            ports=None,
            own_addresses=own_addresses,
            allow_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
        )

    def judge_url(self, target: Target) -> None:
        """Raise ``BlockedTarget`` for a URL that no answer of the DNS could make right."""
        if target.scheme != "https" and not self.allow_http:
            raise BlockedTarget(f"{target.origin}: only https is allowed")
        if self.ports is not None and target.port not in self.ports:
            raise BlockedTarget(f"{target.origin}: port {target.port} is not allowed")
        if target.address is None:
            self._judge_name(target.host, target.port)
        else:
            self.judge_address(target.address, target.port)

    def judge_address(self, address: str | IPv4Address | IPv6Address, port: int) -> None:
        """Raise ``BlockedTarget`` for an address that may not be dialled."""
        try:
            ip = unmapped(ip_address(address))
        except ValueError as exc:
            raise BlockedTarget(f"{address!r} is not an address") from exc
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            # An interface is no part of an address; with one, no address equals any in a table.
            raise BlockedTarget(f"{ip} names an interface")
        if ip in METADATA:
            raise BlockedTarget(f"{ip} hands out a provider's metadata")
        if self._is_ours(ip, port):
            raise BlockedTarget(f"{ip}:{port} is this server itself")
        why = not_public(ip)
        if why is None or (self.allow_loopback and is_loopback(ip)):
            return
        if not any(ip in network for network in self.allow_networks):
            raise BlockedTarget(f"{ip} is not public: {why}")

    def _judge_name(self, host: str, port: int) -> None:
        if host == "localhost" or host.endswith(".localhost"):
            if self._listens_on_loopback(port):
                raise BlockedTarget(f"{host}:{port} is this server itself")
            if self.allow_loopback:
                return
        # Whoever opens a network of his own names his machines as he likes: "receiver",
        # "hooks.default.svc". Their addresses are judged all the same.
        elif self.allow_networks:
            return
        if "." not in host or host.endswith(_INSIDE_SUFFIXES):
            raise BlockedTarget(f"{host} is a name of an inside network")

    def _is_ours(self, ip: IPv4Address | IPv6Address, port: int) -> bool:
        for own in self._own(port):
            # A listener on every address answers on each that this machine has, and whoever dials
            # the unspecified address arrives on one of them.
            if ip == own or (own.is_unspecified and (is_loopback(ip) or self.is_local(ip))):
                return True
            if ip.is_unspecified and (is_loopback(own) or own.is_unspecified):
                return True
        return False

    def _listens_on_loopback(self, port: int) -> bool:
        return any(own.is_unspecified or is_loopback(own) for own in self._own(port))

    def _own(self, port: int) -> list[IPv4Address | IPv6Address]:
        hosts = [host for host, own_port in self.own_addresses if own_port == port]
        # "localhost" is whatever the machine makes of it, so any address of the machine is.
        return [unmapped(ip_address("::" if host == "localhost" else host)) for host in hosts]
