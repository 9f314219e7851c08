"""Which addresses are this machine's own, as its kernel sees it now."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address


def is_local(address: IPv4Address | IPv6Address) -> bool:
    """Say whether a listener on every address would answer on this one; if in doubt, that it would.

    Asked of the kernel each time, because interfaces come and go: only a local one can be bound.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as exc:
        return exc.errno != errno.EADDRNOTAVAIL
    return True
