"""Which addresses are not the public internet: our own table, the same on every Python.

``ipaddress.is_global`` passes multicast, NAT64, 6to4 and ``::127.0.0.1`` and changes between
Python versions, so nothing here asks it. IPv4 is open but for the table; IPv6 is closed but for
global unicast (2000::/3), and that less its own table.
"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

DENIED_IPV4 = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)

ALLOWED_IPV6 = "2000::/3"

DENIED_IPV6 = (
    ("2001::/23", "protocol assignments, Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
)

# Interface ids that carry an IPv4 address to which an ISATAP router would forward.
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

# Cloud providers serve credentials at these: never dialled, even if an operator allows them.
METADATA: frozenset[IPv4Address | IPv6Address] = frozenset(
    {
        IPv4Address("168.63.129.16"),  # Azure
        IPv4Address("192.0.0.192"),  # Oracle
        IPv4Address("169.254.169.254"),  # AWS, Google, Azure and most others
        IPv4Address("169.254.170.2"),  # AWS, container credentials
        IPv4Address("169.254.170.23"),  # AWS, pod identity
        IPv4Address("169.254.0.23"),  # Tencent
        IPv4Address("169.254.10.10"),  # Tencent
        IPv4Address("169.254.42.42"),  # Scaleway
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::23"),  # AWS, pod identity
        IPv6Address("fd20:ce::254"),  # Google
        IPv6Address("fd00:c1::a9fe:a9fe"),  # Oracle
        IPv6Address("fd00:100::100:200"),  # Alibaba
        IPv6Address("fd00:a9fe:a9fe::1"),  # Akamai
        IPv6Address("fd00:42::42"),  # Scaleway
        IPv6Address("fe80::a9fe:a9fe"),  # OpenStack
    }
)

METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog"})

# Clouds add addresses of that kind; nothing that takes webhooks or serves files has one.
LINK_LOCAL = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215; the length of its prefixes is unknown
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_6TO4 = IPv6Network("2002::/16")  # RFC 3056
_WITH_IPV4_LAST = (  # IPv4-compatible and -translated (RFC 4291, RFC 2765)
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0:0/96"),
    _NAT64,
)
# RFC 6052, 2.2: where the bytes of an IPv4 address stand behind a prefix of 48, 56, 64 or 96 bits.
_RFC_6052 = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))

_LOOPBACK_IPV4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_IPV6 = IPv6Address("::1")


class _Ranges:
    """Disjoint ranges of integers, searched by halving."""

    def __init__(self, networks: list[tuple[IPv4Network | IPv6Network, str]]) -> None:
        ordered = sorted((int(net[0]), int(net[-1]), f"{net} ({why})") for net, why in networks)
        self._starts = [start for start, _, _ in ordered]
        self._ordered = ordered

    def name(self, value: int) -> str | None:
        """Return the name of the range that holds the value, or None."""
        index = bisect_right(self._starts, value) - 1
        if index < 0:
            return None
        _, end, name = self._ordered[index]
        return name if value <= end else None


_RANGES_IPV4 = _Ranges([(IPv4Network(net), why) for net, why in DENIED_IPV4])
_RANGES_IPV6 = _Ranges([(IPv6Network(net), why) for net, why in DENIED_IPV6])
_GLOBAL_IPV6 = _Ranges([(IPv6Network(ALLOWED_IPV6), "global unicast")])


def not_public(address: IPv4Address | IPv6Address) -> str | None:
    """Return why the address is not public, for the operator's log; None when it is public."""
    if address in METADATA:
        return "provider metadata"
    value = int(address)
    if isinstance(address, IPv4Address):
        return _RANGES_IPV4.name(value)
    if address in _NAT64 or address in _NAT64_LOCAL:
        inner = embedded_ipv4(address)
        whys = [f"{one} in it: {why}" for one in inner if (why := not_public(one)) is not None]
        return whys[0] if whys else None if inner else "no IPv4 address in it"
    if _GLOBAL_IPV6.name(value) is None:
        return f"outside {ALLOWED_IPV6}"
    if value >> 32 & 0xFFFF_FFFF in _ISATAP:
        return "ISATAP"
    return _RANGES_IPV6.name(value)


def embedded_ipv4(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that a packet to an IPv6 address may end at, beside the mapped one.

    Of a NAT64 prefix for local use every reading counts, because its length is not known; those
    that give "this network" (0.0.0.0/8) are the prefix's own zeros.
    """
    if isinstance(address, IPv4Address):
        return ()
    packed = address.packed
    if any(address in network for network in _WITH_IPV4_LAST):
        return (IPv4Address(packed[12:]),)
    if address in _NAT64_LOCAL:
        readings = (IPv4Address(bytes(packed[at] for at in offsets)) for offsets in _RFC_6052)
        return tuple(one for one in readings if int(one) >> 24)
    found = []
    if address in _6TO4:
        found.append(IPv4Address(packed[2:6]))
    if address in _TEREDO:
        found.append(IPv4Address(packed[4:8]))
        found.append(IPv4Address(int.from_bytes(packed[12:]) ^ 0xFFFF_FFFF))
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        found.append(IPv4Address(packed[12:]))
    return tuple(found)


def is_never_called(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is link-local or serves a provider's metadata, in any form."""
    return any(
        one in METADATA or any(one in network for network in LINK_LOCAL)
        for one in (address, *embedded_ipv4(address))
    )


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    """Say whether the address is this machine talking to itself."""
    if isinstance(address, IPv4Address):
        return address in _LOOPBACK_IPV4
    return address == _LOOPBACK_IPV6


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv4-mapped IPv6 address (``::ffff:1.2.3.4``) stands for."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
