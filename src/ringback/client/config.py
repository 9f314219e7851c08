"""Where a client finds its server and its key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from ringback.client.errors import ConfigurationError

KEY_VARIABLES = ("RINGBACK_API_KEY", "KREA_API_KEY", "KREA_API_TOKEN")
URL_VARIABLES = ("RINGBACK_BASE_URL", "KREA_BASE_URL", "KREA_API_BASE_URL")
DEFAULT_URL = "http://127.0.0.1:7464"
DEV_KEY = "dev"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Config(Struct, frozen=True):
    """A server and a key for it."""

    base_url: str  # without a slash at its end
    api_key: str

    def __repr__(self) -> str:
        return f"Config({self.base_url!r}, …)"


def configured(
    api_key: str | None, base_url: str | None, *, environment: Mapping[str, str]
) -> Config:
    """Return what was given, or else what the environment says; raises ``ConfigurationError``.

    Without any URL it is the emulator on this machine, which takes any key.
    """
    url = base_url or _first(environment, URL_VARIABLES) or DEFAULT_URL
    _host_of(url)
    key = api_key or _first(environment, KEY_VARIABLES)
    if key is None:
        if not is_loopback(url):
            raise ConfigurationError(
                f"There is no API key for {url}: give api_key=…, or set {KEY_VARIABLES[0]}."
            )
        key = DEV_KEY
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError("The API key must be visible ASCII characters without spaces.")
    return Config(url.rstrip("/"), key)


def is_loopback(url: str) -> bool:
    """Say whether a server's URL names this very machine."""
    return _host_of(url) in _LOOPBACK


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_right = None
    if not is_right or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{url!r} is no server's URL: it begins with http:// or https:// and names a host."
        )
    return str(parts.hostname)
