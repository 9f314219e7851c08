"""The target policy: which URLs and addresses may be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv6Address,
    ip_address,
    ip_network,
)

from ringback.egress.addresses import (
    METADATA_NAMES,
    embedded_ipv4,
    is_loopback,
    is_never_called,
    not_public,
    unmapped,
)
from ringback.egress.allow_lists import (
    OF_WEBHOOKS,
    PRIVATE_NETWORKS,
    Network,
    Remedies,
    is_named,
)
from ringback.egress.local_addresses import is_local
from ringback.egress.url import Target, parse_target
from ringback.errors import FieldError, InvalidTarget
from ringback.log import get_logger

log = get_logger(__name__)

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
_INSIDE = "it is in an inside network"
_METADATA = "clouds serve credentials at such addresses"
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class BlockedTarget(InvalidTarget):
    """The URL is well spelled but may not be called; the sentence is about its own words alone.

    An address that a look-up found is in ``detail``, for the operator's log: strangers learn
    nothing about our network from it.
    """

    def __init__(
        self,
        host: str,
        why: str,
        *,
        setting: str | None,
        detail: str,
        instead: str = "a public https URL",
    ) -> None:
        way_out = f", or let the operator allow it by the setting {setting}" if setting else ""
        self.words = f"{host} may not be called from here: {why}; use {instead}{way_out}"
        super().__init__(f"{self.words}.")
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """The rules of dialling: they check the URL once, and then every resolved address."""

    allow_http: bool = False
    allow_loopback: bool = False
    ports: frozenset[int] | None = PORTS  # None: any
    own_addresses: frozenset[tuple[str, int]] = frozenset()  # where we listen; never dialled
    is_local: Callable[[IPv4Address | IPv6Address], bool] = is_local  # this machine's addresses
    allow_networks: tuple[Network, ...] = ()  # an operator's own, dialled too
    allow_hosts: tuple[str, ...] = ()  # names and "*.SUFFIX" whose addresses are dialled too
    networks_are_open: bool = False  # in them any port goes, and plain http
    resolves_names: bool = True  # False: a proxy does, and no name is known to be in a network
    remedies: Remedies = OF_WEBHOOKS

    @classmethod
    def server(
        cls,
        *,
        allow_http: bool = False,
        own_addresses: frozenset[tuple[str, int]] = frozenset(),
        allow_networks: tuple[Network, ...] = (),
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
        allow_networks: tuple[Network, ...] = PRIVATE_NETWORKS,
    ) -> TargetPolicy:
        """Return a developer's policy: also http, any port, loopback and private networks."""
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
            remedies=Remedies(),
        )

    def check_url(self, target: Target) -> None:
        """Raise ``BlockedTarget`` for a URL that no answer of the DNS could make right."""
        if target.address is None:
            # An address that is found later may lie in an open network; through a proxy none is.
            if not (self.networks_are_open and self.allow_networks and self.resolves_names):
                self._check_way(target.host, target.scheme, target.port)
            self._check_name(target.host, target.port)
        else:
            self.check_address(target.address, target.port, host=target.host, scheme=target.scheme)

    def check_address(
        self,
        address: str | IPv4Address | IPv6Address,
        port: int,
        *,
        host: str | None = None,
        scheme: str = "https",
    ) -> None:
        """Raise ``BlockedTarget`` for an address that may not be dialled for the host."""
        host = host or str(address)
        try:
            ip = unmapped(ip_address(address))
        except ValueError as exc:
            why = "its address is not spelled as one"
            raise BlockedTarget(host, why, setting=None, detail=f"{address!r}: {why}") from exc
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            # An interface is no part of an address; with one, no address equals any in a table.
            why = "its address names an interface"
            raise BlockedTarget(host, why, setting=None, detail=f"{ip}: {why}")
        if is_never_called(ip):
            detail = f"{host} is at {ip}, which is link-local or serves a provider's metadata"
            raise BlockedTarget(host, _METADATA, setting=None, detail=detail)
        is_allowed = self._is_allowed(ip)
        why_not = not_public(ip)
        if why_not is not None and not (is_allowed or is_named(host, self.allow_hosts)):
            why = f"it is no public address ({why_not})" if str(ip) == host else _INSIDE
            setting = self.remedies.networks
            detail = f"{host} is at {ip}, which is not public: {why_not} (setting: {setting})"
            raise BlockedTarget(host, why, setting=setting, detail=detail)
        if self._is_ours(ip, port):
            raise _ours(host, f"{ip}:{port}")
        if not (self.networks_are_open and is_allowed):
            self._check_way(host, scheme, port)

    def _is_allowed(self, ip: IPv4Address | IPv6Address) -> bool:
        """Say whether the address is this machine's in dev, or named with any IPv4 one in it."""
        if self.allow_loopback and (
            is_loopback(ip) or (not ip.is_unspecified and self.is_local(ip))
        ):
            return True
        return any(ip in network for network in self.allow_networks) and all(
            not_public(one) is None or any(one in network for network in self.allow_networks)
            for one in embedded_ipv4(ip)
        )

    def _check_way(self, host: str, scheme: str, port: int) -> None:
        """Raise ``BlockedTarget`` for a scheme or port that is not allowed."""
        if scheme != "https" and not self.allow_http:
            why, setting = "only https is allowed", self.remedies.http
        elif self.ports is not None and port not in self.ports:
            why, setting = f"port {port} is not allowed", self.remedies.ports
        else:
            return
        raise BlockedTarget(host, why, setting=setting, detail=f"{host}:{port}: {why}")

    def _check_name(self, host: str, port: int) -> None:
        if host in METADATA_NAMES:
            detail = f"{host} is a name of a provider's metadata"
            raise BlockedTarget(host, _METADATA, setting=None, detail=detail)
        is_loopback_name = host == "localhost" or host.endswith(".localhost")
        is_inside = is_loopback_name or "." not in host or host.endswith(_INSIDE_SUFFIXES)
        if is_inside and not self._is_allowed_name(host, is_loopback=is_loopback_name):
            setting = self.remedies.hosts
            detail = f"{host} is a name of an inside network (setting: {setting})"
            raise BlockedTarget(host, _INSIDE, setting=setting, detail=detail)
        if is_loopback_name and self._listens_on_loopback(port):
            raise _ours(host, f"{host}:{port}")

    def _is_allowed_name(self, host: str, *, is_loopback: bool) -> bool:
        if is_named(host, self.allow_hosts):
            return True
        if is_loopback:
            return self.allow_loopback or any(self._is_allowed(one) for one in _LOOPBACK)
        # In an operator's own network machines have any name: "receiver", "hooks.default.svc".
        # Their addresses are checked all the same.
        return bool(self.allow_networks)

    def _is_ours(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        return any(self._is_own(ip, port) for ip in (address, *embedded_ipv4(address)))

    def _is_own(self, ip: IPv4Address | IPv6Address, port: int) -> bool:
        for own in self._own(port):
            # A listener on every address answers on each that this machine has, and a connection to
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
        # "localhost" depends on the machine, so it stands for any of its addresses.
        return [unmapped(ip_address("::" if host == "localhost" else host)) for host in hosts]


def _ours(host: str, where: str) -> BlockedTarget:
    return BlockedTarget(
        host,
        "it is this server itself",
        setting=None,
        detail=f"{where} is this server itself",
        instead="another server's URL",
    )


def check_target(policy: TargetPolicy, url: str, *, path: str) -> str:
    """Return a URL that may be called, or raise ``InvalidTarget`` with the path in its details."""
    try:
        policy.check_url(parse_target(url))
    except InvalidTarget as exc:
        if isinstance(exc, BlockedTarget):
            log.info("target_blocked", detail=exc.detail)
        exc.details = (FieldError(path, str(exc)),)
        raise
    return url
