"""A strict grammar for the URLs that Ringback calls.

URL parsers disagree about odd spellings, and between two that disagree an attacker finds a way.
So this one takes few spellings, and requests are built from its parts alone: nothing downstream
parses the text again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from ringback.errors import InvalidTarget

URL_LENGTH_MAX = 8_192
"""Of a URL as it is sent; storage services sign ones of 2 to 4 KiB."""
HOST_LENGTH_MAX = 253

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SPLIT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]+))?")
# Underscores are not host names by the book, but they exist in the DNS and harm nobody.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Everything that RFC 3986 lets stand in a path and query, and the percent sign, stays as it came.
_AS_IT_CAME = "/?%:@!$&'()*+,;=-._~[]"


class MalformedTarget(InvalidTarget, ValueError):
    """The text is not a URL that Ringback reads; the message names the fault."""

    code = "malformed_target"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.detail = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart: all that a request to it is built from."""

    scheme: str
    host: str  # ASCII and lower case; an IPv6 address is without brackets
    port: int
    path_and_query: str  # ASCII, percent-encoded as it came
    address: IPv4Address | IPv6Address | None = None  # set when the host is one

    @property
    def url(self) -> str:
        """Return the URL in ASCII, as it is called."""
        return f"{self.scheme}://{self.host_header}{self.path_and_query}"

    @property
    def origin(self) -> str:
        """Return ``https://host:port``, always with the port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return ``host:port``, always with the port."""
        return f"{self._bracketed}:{self.port}"

    @property
    def host_header(self) -> str:
        """Return the Host header: with the port only where it is not the scheme's own."""
        default = self.port == _DEFAULT_PORTS[self.scheme]
        return self._bracketed if default else self.authority

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host


def parse_target(text: str) -> Target:
    """Return the URL's parts, or raise ``MalformedTarget`` with one sentence for its writer."""
    _check_characters(text)
    split = _SPLIT.fullmatch(text)
    if split is None or split["scheme"].lower() not in _DEFAULT_PORTS:
        raise MalformedTarget("The URL must start with https:// or http://.")
    scheme = split["scheme"].lower()
    authority = split["authority"]
    if "@" in authority:
        raise MalformedTarget("The URL must not carry a user name or password.")
    if "%" in authority:
        raise MalformedTarget("The URL's host must not be percent-encoded.")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise MalformedTarget("The URL's host or port is not spelled as one.")
    host, address = _parse_host(parts["host"])
    return Target(
        scheme=scheme,
        host=host,
        port=_parse_port(parts["port"], scheme),
        path_and_query=_parse_path(split["rest"]),
        address=address,
    )


def _check_characters(text: str) -> None:
    if len(text) > URL_LENGTH_MAX:
        raise MalformedTarget(f"The URL is longer than {URL_LENGTH_MAX} characters.")
    # isprintable() is false for every control, surrogate, line break and space but the ASCII one.
    if " " in text or not text.isprintable():
        raise MalformedTarget("The URL must not contain spaces or control characters.")
    if "\\" in text:
        raise MalformedTarget("The URL must not contain a backslash.")
    if "#" in text:
        raise MalformedTarget("The URL must not have a fragment (the part from # on).")


def _parse_port(digits: str | None, scheme: str) -> int:
    if digits is None:
        return _DEFAULT_PORTS[scheme]
    if len(digits) > 5 or not 1 <= int(digits) <= 65_535:
        raise MalformedTarget("The URL's port must be between 1 and 65535.")
    return int(digits)


def _parse_path(rest: str) -> str:
    if _BAD_PERCENT.search(rest):
        raise MalformedTarget("The URL has a % that is not followed by two hexadecimal digits.")
    path = quote(rest, safe=_AS_IT_CAME)
    if len(path) > URL_LENGTH_MAX:
        raise MalformedTarget(f"The URL is longer than {URL_LENGTH_MAX} characters, encoded.")
    return path if path.startswith("/") else f"/{path}"


def _parse_host(text: str) -> tuple[str, IPv4Address | IPv6Address | None]:
    if not text:
        raise MalformedTarget("The URL has no host.")
    if text.startswith("["):
        return _parse_ipv6(text[1:-1])
    host = text.lower() if text.isascii() else _to_ascii(text)
    labels = host.split(".")
    if "" in labels:
        raise MalformedTarget(
            "The URL's host has an empty part: two dots in a row, or one outside."
        )
    if _NUMBER.fullmatch(labels[-1]):
        return _parse_ipv4(text)
    for label in labels:
        _check_label(label)
    if len(host) > HOST_LENGTH_MAX:
        raise MalformedTarget(f"The URL's host is longer than {HOST_LENGTH_MAX} characters.")
    return host, None


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise MalformedTarget("The URL's host is not a host name.")
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except UnicodeError as exc:
            raise MalformedTarget("The URL's host is not a valid international name.") from exc


def _to_ascii(text: str) -> str:
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as exc:
        raise MalformedTarget("The URL's host is not a valid international name.") from exc


def _parse_ipv4(text: str) -> tuple[str, IPv4Address]:
    # The resolver would read 127.1, 0x7f.1, 010.0.0.1 and 2130706433 as addresses too: only the
    # canonical spelling passes, and it must have been spelled in ASCII.
    try:
        address = IPv4Address(text)
    except AddressValueError:
        address = None
    if address is None or str(address) != text:
        raise MalformedTarget("A host that ends in a number must be an IPv4 address like 1.2.3.4.")
    return text, address


def _parse_ipv6(text: str) -> tuple[str, IPv6Address]:
    if "%" in text or not text.isascii():
        raise MalformedTarget("The URL's IPv6 address is not spelled as one.")
    try:
        address = IPv6Address(text)
    except AddressValueError as exc:
        raise MalformedTarget("The URL's IPv6 address is not spelled as one.") from exc
    if address.ipv4_mapped is not None or "." in text:
        raise MalformedTarget("The URL hides an IPv4 address in an IPv6 one; write it as IPv4.")
    return str(address), address
