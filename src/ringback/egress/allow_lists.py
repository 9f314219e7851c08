"""Networks, names and ports that an operator allows beyond the public internet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from ringback.egress.addresses import LINK_LOCAL, METADATA

Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",  # carrier-grade NAT, which overlay networks use
            "198.18.0.0/15",  # benchmarking, which some container runtimes use
            "fc00::/7",
        ),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """The settings that would allow a refused target; None where none does."""

    networks: str | None = None
    hosts: str | None = None
    ports: str | None = None
    http: str | None = None


OF_WEBHOOKS = Remedies(
    networks="webhook_networks", hosts="webhook_hosts", ports="webhook_ports", http="webhook_http"
)
OF_INPUTS = Remedies(
    networks="input_networks",
    hosts="input_networks",
    ports="input_networks",
    http="input_networks",
)
# Through a proxy a name is in no known network, so no network allows its scheme or port.
OF_INPUTS_THROUGH_A_PROXY = replace(OF_INPUTS, ports=None, http="webhook_http")
OF_RESULTS = Remedies(
    networks="result_origins", hosts="result_origins", ports="result_origins", http="result_origins"
)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks, or raise ``ValueError`` with a sentence's second half."""
    return tuple(map(_network, texts))


def parse_host_patterns(texts: Iterable[str]) -> tuple[str, ...]:
    """Return names and ``*.SUFFIX`` patterns in lower case, or raise ``ValueError`` likewise."""
    return tuple(map(_pattern, texts))


def is_named(host: str, patterns: Iterable[str]) -> bool:
    """Say whether a host is one of the names, or lies below a pattern's suffix."""
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
        for pattern in patterns
    )


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError as exc:
        raise ValueError(
            f"has {text!r}, which is no network; write it like 10.0.0.0/8 or fd00::/8, or an "
            "address alone"
        ) from exc
    if str(network.network_address) != str(ip_address(text.partition("/")[0])):
        raise ValueError(f"has {text!r}, whose address lies inside that network; write {network}")
    if isinstance(network, IPv6Network) and network.overlaps(_MAPPED) and network.prefixlen:
        raise ValueError(f"has {text!r}, which holds IPv4 addresses; write them as IPv4")
    is_link_local = any(
        network.version == never.version and network.subnet_of(never)  # type: ignore[arg-type]
        for never in LINK_LOCAL
    )
    if is_link_local or (network.num_addresses == 1 and network[0] in METADATA):
        raise ValueError(
            f"has {text!r}, where clouds serve credentials; such addresses are never called"
        )
    return network


def _pattern(text: str) -> str:
    name = text.lower()
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        if _NAME.fullmatch(name):
            return name
        raise ValueError(
            f"has {text!r}, which is no name; write it like web or *.svc.cluster.local, without "
            "http:// and without a port"
        ) from None
    raise ValueError(f"has the address {text!r}; it takes names, and addresses go to the networks")
