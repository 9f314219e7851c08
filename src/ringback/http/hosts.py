"""The Host header: a check of the hosts that this server serves, and the base of result URLs.

The client chooses the Host header, and URLs that begin with it get into webhooks and into other
people's pages. So only these hosts are accepted: this machine itself, the address that the
connection came in at, and names in the settings. With ``public_url`` and no ``allowed_hosts`` a
server accepts every host, because then no URL contains it. Headers like X-Forwarded-Host are not
read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.errors import HostRefused
from ringback.http.headers import headers_of, invalid_header
from ringback.settings import Settings

_KEPT_IN = "ringback.base_url"
# A dot at a name's end stands for the root (RFC 1034) and does not change the name.
_HOST = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)\.?"
    r"|(?P<address>\[[0-9A-Fa-f:.]{2,45}\]))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PROBES = frozenset({"/healthz", "/readyz"})
_MAPPED = "::ffff:"  # before an IPv4 address on a socket for both families


class HostCheck:
    """Middleware that refuses unknown hosts and gives the routes the base URL.

    In dev a page on the internet could point its own name at this machine and read from it through
    the developer's browser (DNS rebinding), so in dev ``public_url`` allows no other host.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._public_url = settings.public_url and settings.public_url.rstrip("/")
        self._answers_all = settings.answers_any_host
        self._allowed = _LOCAL | {_bracketed(name.lower()) for name in settings.own_names}
        # Clients choose the hosts, so the cache is bounded.
        self._checked = lru_cache(maxsize=256)(self._check)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its base URL, or raise ``HostRefused`` or ``InvalidRequest``."""
        host = headers_of(scope).get(b"host")
        if host:
            dialled = (scope.get("server") or ("",))[0]
            base_url, refusal = self._checked(scope["scheme"], host, dialled)
            # Orchestrators probe each process by its own address or name, and neither a URL nor
            # anything of a user is in the response.
            if refusal and scope["path"] not in _PROBES:
                raise HostRefused(refusal)
            scope[_KEPT_IN] = base_url
        else:
            scope[_KEPT_IN] = self._public_url or self._listen_address(scope)
        await self._app(scope, receive, send)

    def _check(self, scheme: str, host: bytes, dialled: str) -> tuple[str, str | None]:
        """Return the base URL, and the reason for refusing the host or None."""
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None or int(match["port"] or 0) > 65_535:
            raise invalid_header("host", "is not a host name or address with an optional port")
        scheme = "https" if scheme == "https" else "http"
        name = _name_of(match)
        port = f":{match['port']}" if match["port"] else ""
        base_url = self._public_url or f"{scheme}://{name}{port}"
        return base_url, None if self._is_ours(name, dialled) else self._refusal(name)

    def _is_ours(self, name: str, dialled: str) -> bool:
        if self._answers_all or name in self._allowed:
            return True
        own = _bracketed(dialled.lower().removeprefix(_MAPPED))
        return not self._settings.is_dev and name == own

    def _refusal(self, name: str) -> str:
        if self._settings.is_dev:
            return (
                f"This server is not {name}; in dev mode it answers to localhost and to "
                "the names in the setting allowed_hosts."
            )
        return (
            f"This server does not answer to {name}; set public_url to the URL that "
            "clients use, or name the host in allowed_hosts."
        )

    def _listen_address(self, scope: Scope) -> str:
        # HTTP/1.0 requests may have no Host: the connection's address stands for it.
        host, port = scope.get("server") or (self._settings.host, self._settings.port)
        return f"http://{_bracketed(host)}:{port}"


def is_local_host(host: bytes) -> bool:
    """Return whether a Host header names this machine itself, with any port."""
    match = _HOST.fullmatch(host.decode("latin-1"))
    return match is not None and _name_of(match) in _LOCAL


def _name_of(match: re.Match[str]) -> str:
    name = match["name"] or match["address"]
    return name.lower()


def base_url_of(scope: Scope) -> str:
    """Return the URL by which the client reaches this server, without a slash at the end."""
    base_url: str = scope[_KEPT_IN]
    return base_url


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
