"""Finds the server's URL and the API key in arguments or the environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from ringback.client.errors import ConfigurationError
from ringback.wire.texts import variable_text

KEY_VARIABLES = ("RINGBACK_API_KEY", "KREA_API_KEY", "KREA_API_TOKEN")
URL_VARIABLES = ("RINGBACK_BASE_URL", "KREA_BASE_URL", "KREA_API_BASE_URL")
DEFAULT_URL = "http://127.0.0.1:7464"
DEV_KEY = "dev"


class Config(Struct, frozen=True):
    """A server and a key for it."""

    base_url: str  # without a slash at its end
    api_key: str

    def __repr__(self) -> str:
        return f"Config({self.base_url!r}, …)"


def configured(
    api_key: str | None, base_url: str | None, *, environment: Mapping[str, str]
) -> Config:
    """Return the configuration from the arguments, else from the environment, else the emulator.

    The emulator on this machine takes any key. Raises ``ConfigurationError``.
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
    """Say whether a URL names this machine; one that is no http or https URL does not."""
    host = (http_host(url) or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := variable_text(environment, name))), None)


def http_host(url: str) -> str | None:
    """Return the host of an http or https URL, or None if it is not one."""
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return None
    return parts.hostname if is_right and url.isprintable() and " " not in url else None


def _host_of(url: str) -> str:
    host = http_host(url)
    if not host or urlsplit(url).query or urlsplit(url).fragment:
        raise ConfigurationError(
            f"{url!r} is no server's URL: one begins with http:// or https:// and names a host."
        )
    return host
