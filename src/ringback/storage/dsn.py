"""The grammar of a PostgreSQL URL, checked before a driver reads it.

Some errors of drivers quote a piece of the password. So the URL is checked here first, and no
sentence of this module quotes it.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import parse_qsl

from ringback.errors import SetupError

_DSN = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^@/?]*)@)?(?P<hosts>[^@/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
_HOST = re.compile(
    r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[A-Za-z0-9._-]+|(?:%2[Ff]|[A-Za-z0-9._-])+)?)"
    r"(?::(?P<port>[0-9]*))?"
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_PAIR = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=.*")
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_HOW = "write it as postgresql://USER:PASSWORD@HOST:PORT/NAME"


def check_dsn(dsn: str, *, setting: str) -> None:
    """Raise ``SetupError``, naming the setting, unless this is a URL of a PostgreSQL database."""
    problem = _problem(dsn)
    if problem is not None:
        raise SetupError(f"The setting {setting} is wrong: {problem}; {_HOW}.")


def check_files(dsn: str, *, setting: str) -> None:
    """Raise ``SetupError`` where the URL names a certificate or key that cannot be read."""
    for name, path in parse_qsl(dsn.partition("?")[2]):
        if name in _FILES and path != "system":
            _check_file(path, f"The setting {setting} names {path} as {name}")


def _check_file(path: str, named: str) -> None:
    try:
        with open(path, "rb"):
            return
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise SetupError(
            f"{named}, which cannot be read ({reason}); name a file that this user may read."
        ) from exc


def shown(dsn: str) -> str:
    """Return a DSN's hosts and database, without its user, password and parameters."""
    match = _DSN.fullmatch(dsn)
    if match is None or _problem(dsn) is not None:
        return "of the setting database"
    hosts = [_HOST.fullmatch(one) for one in match["hosts"].split(",")]
    names = [host["ipv6"] or host["name"] for host in hosts if host is not None]
    where = ",".join(name for name in names if name) or "of this machine"
    return f"{where}{match['path'] or ''}"


def _problem(dsn: str) -> str | None:
    if " " in dsn or not dsn.isprintable():
        return "it has a space or a control character"
    if "#" in dsn:
        return "it has a #, which must be written as %23"
    if _BAD_PERCENT.search(dsn):
        return "it has a % that must be written as %25"
    match = _DSN.fullmatch(dsn)
    if match is None or (match["user"] or "").count(":") > 1:
        return "a / : ? or @ in the user or password must be written as %2F %3A %3F or %40"
    for host in match["hosts"].split(","):
        if problem := _problem_of_host(host):
            return problem
    pairs = (match["query"] or "").split("&")
    if match["query"] and not all(_PAIR.fullmatch(pair) for pair in pairs):
        return "its parameters after the ? must be name=value, with & between"
    if any(pair.startswith("port=") and not _is_port(pair[5:]) for pair in pairs):
        return "its port must be a number from 1 to 65535"
    return None


def _problem_of_host(text: str) -> str | None:
    host = _HOST.fullmatch(text)
    if host is None:
        return "its host or port is not spelled as one; a / or ? in the password is %2F or %3F"
    if host["ipv6"] is not None:
        try:
            IPv6Address(host["ipv6"])
        except AddressValueError:
            return "its host in brackets is no IPv6 address"
    if host["port"] is not None and not _is_port(host["port"]):
        return "its port must be a number from 1 to 65535"
    return None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535
