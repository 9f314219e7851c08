"""The URLs under which this server's files can be asked for: every name, every spelling.

A file's name is unguessable, so a URL on a name of this server that ends in the name of a file that
exists is that file, with any port, path prefix, query or fragment: behind a proxy or a mapped
port the server does not know all its addresses.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import unquote

from ringback.egress.addresses import is_loopback
from ringback.egress.local_addresses import is_local
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.files.artifacts.names import FOLDER, is_stem, media_type_of, name_in

_UNSPECIFIED = frozenset({"0.0.0.0", "::"})


class OwnFile(NamedTuple):
    """The file of this server that a URL names."""

    name: str | None  # without its suffix where the URL has none; None for a name of no file
    is_here: bool  # the URL's address is surely this server's, so nobody else has the file


class OwnUrls:
    """Recognises the URLs of this server's files."""

    def __init__(
        self,
        names: Collection[str],
        *,
        answers_any_host: bool = False,
        public_url: str | None = None,
        listening: tuple[str, int] | None = None,
        is_local: Callable[[IPv4Address | IPv6Address], bool] = is_local,
    ) -> None:
        self._names = frozenset(_bare(name) for name in names)
        self._answers_any_host = answers_any_host
        self._public_origin = _origin(public_url)
        self._listening = listening
        self._is_local = is_local

    def find(self, url: str, *, base_url: str) -> OwnFile | None:
        """Return the file that a URL names, or None for the URL of another server."""
        direct = name_in(url, base_url=base_url)
        if direct is not None and media_type_of(direct) is not None:
            return OwnFile(direct, is_here=True)
        target = _target(url)
        if target is None:
            return None
        path = posixpath.normpath(unquote(target.path_and_query.partition("?")[0]))
        _, folder, name = f"/{path.lstrip('/')}".rpartition(FOLDER)
        if not folder or not self._is_ours(target, base_url):
            return None
        is_name = media_type_of(name) is not None or is_stem(name)
        return OwnFile(name if is_name else None, is_here=self._is_here(target, base_url))

    def _is_ours(self, target: Target, base_url: str) -> bool:
        address = target.address
        return (
            self._answers_any_host
            or target.host in self._names
            or target.host == "localhost"
            or (address is not None and (is_loopback(address) or address.is_unspecified))
            or (address is not None and self._is_on_all and self._is_local(address))
            or target.origin == _origin(base_url)
        )

    def _is_here(self, target: Target, base_url: str) -> bool:
        at_port = self._listening is not None and target.port == self._listening[1]
        is_named = target.host in self._names or target.host == "localhost"
        is_known = is_named or (target.address is not None and not self._answers_any_host)
        return target.origin in (_origin(base_url), self._public_origin) or (at_port and is_known)

    @property
    def _is_on_all(self) -> bool:
        return self._listening is not None and self._listening[0] in _UNSPECIFIED


def is_own(url: str, *, base_url: str) -> bool:
    """Say whether a URL, in any spelling, is that of a file below the base URL's origin."""
    file = OwnUrls(()).find(url, base_url=base_url)
    return file is not None and file.is_here and file.name is not None


def _target(url: str) -> Target | None:
    """Return a URL's parts without its fragment, which no server sees."""
    scheme, colon, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    host, port_colon, port = authority.partition(":")
    # A dot at a name's end stands for the root (RFC 1034) and does not change the name.
    authority = f"{host.removesuffix('.')}{port_colon}{port}"
    try:
        return parse_target(f"{scheme}{colon}{authority}{slash}{path}")
    except MalformedTarget:
        return None


def _origin(url: str | None) -> str | None:
    target = None if url is None else _target(url)
    return None if target is None else target.origin


def _bare(name: str) -> str:
    return name.lower().removeprefix("[").removesuffix("]").removesuffix(".")
