"""Where the client reached us: judged before anything else, and the beginning of result URLs."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.headers import headers_of, invalid_header
from ringback.errors import HostRefused
from ringback.settings import Settings

_KEPT_IN = "ringback.base_url"
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class HostCheck:
    """Middleware that refuses strange hosts and tells the routes the base URL.

    In dev a page on the internet could point its own name at this machine and read from it through
    the developer's browser (DNS rebinding), so only hosts that are known to be ours are served.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._public_url = settings.public_url and settings.public_url.rstrip("/")
        self._allowed = _LOCAL | {_bracketed(name.lower()) for name in _own_names(settings)}
        # Hosts are the clients' to choose: the memory for them is bounded.
        self._judged = lru_cache(maxsize=256)(self._judge)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its base URL, or raise ``HostRefused`` or ``InvalidRequest``."""
        host = headers_of(scope).get(b"host")
        if host:
            scope[_KEPT_IN] = self._judged(scope["scheme"], host)
        else:
            scope[_KEPT_IN] = self._public_url or self._listen_address(scope)
        await self._app(scope, receive, send)

    def _judge(self, scheme: str, host: bytes) -> str:
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None or int(match["port"] or 0) > 65_535:
            raise invalid_header("host", "is not a host name or address with an optional port")
        if self._settings.is_dev and match["name"].lower() not in self._allowed:
            raise HostRefused(
                f"This server is not {match['name']}; in dev mode it answers to localhost and to "
                "the names in the setting allowed_hosts."
            )
        scheme = "https" if scheme == "https" else "http"
        return self._public_url or f"{scheme}://{match[0].lower()}"

    def _listen_address(self, scope: Scope) -> str:
        # HTTP/1.0 needs no Host: then it is the address that was dialled.
        host, port = scope.get("server") or (self._settings.host, self._settings.port)
        return f"http://{_bracketed(host)}:{port}"


def base_url_of(scope: Scope) -> str:
    """Return where the client reached us, without a slash at the end."""
    base_url: str = scope[_KEPT_IN]
    return base_url


def _own_names(settings: Settings) -> list[str]:
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    return [settings.host, *settings.allowed_hosts, *([public] if public else [])]


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
