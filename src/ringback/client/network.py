"""How connections of the client and of the commands are made: proxies, and trusted authorities.

One rule for all of them: the proxies of the environment (``HTTPS_PROXY``, ``ALL_PROXY``,
``NO_PROXY`` and the rest) carry every request but those to this machine itself, and the system's
authorities are trusted, or those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, and beside them those
of ``ca_file``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ringback.client.config import is_loopback
from ringback.client.errors import ConfigurationError
from ringback.wire.texts import variable_text

if TYPE_CHECKING:
    from ssl import SSLContext

CA_VARIABLE = "RINGBACK_CA_FILE"


class Options(TypedDict):
    """The options of an HTTP client that decide how it connects."""

    trust_env: bool
    verify: SSLContext | bool


def http_options(url: str, *, ca_file: str | Path | None = None, verifies: bool = True) -> Options:
    """Return the options of an HTTP client for a server or receiver at the URL.

    ``ca_file`` is a PEM file, by default the one of ``RINGBACK_CA_FILE``. Only the certificate of
    a server on this machine may go unverified. Raises ``ConfigurationError``.
    """
    is_here = is_loopback(url)
    if not verifies:
        if not is_here:
            raise ConfigurationError(
                f"{url} is not on this machine, so its certificate is verified; --ca-file names "
                "the authority that signed it."
            )
        return Options(trust_env=False, verify=False)
    # A proxy of the environment must not carry requests to this machine itself.
    return Options(trust_env=not is_here, verify=trust(url, ca_file))


def trust(url: str, ca_file: str | Path | None = None) -> SSLContext | bool:
    """Return the authorities that a certificate of the URL's server is verified by.

    Raises ``ConfigurationError``.
    """
    ca_file = ca_file or variable_text(os.environ, CA_VARIABLE)
    if not url.lower().startswith("https:") and not ca_file:
        return True  # nothing is verified, and making a context takes a while
    import httpx2

    with environment_read():
        context = httpx2.create_ssl_context(trust_env=True)
    if ca_file:
        add_authorities(context, ca_file)
    return context


def add_authorities(context: SSLContext, ca_file: str | Path) -> None:
    """Trust the authorities in a PEM file too, or raise ``ConfigurationError``."""
    try:
        context.load_verify_locations(cafile=os.path.expanduser(ca_file))
    except (OSError, ValueError) as exc:
        why = exc.strerror if type(exc) is not ssl.SSLError and isinstance(exc, OSError) else None
        raise ConfigurationError(
            f"The ca_file {ca_file} cannot be used ({why or 'it holds no certificate in PEM'}); "
            "name a PEM file of authorities."
        ) from exc


@contextmanager
def environment_read() -> Iterator[None]:
    """Turn an HTTP client's objections to the environment into ``ConfigurationError``.

    No sentence has a proxy's URL: it may carry a password.
    """
    import httpx2

    try:
        yield
    except ImportError as exc:
        raise ConfigurationError(
            "The environment names a SOCKS proxy, which needs another package: "
            "pip install 'ringback[socks]'; or list the host in NO_PROXY."
        ) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"The authorities of SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({exc}); name PEM "
            "files there."
        ) from exc
    except (httpx2.InvalidURL, ValueError) as exc:
        raise ConfigurationError(
            "A proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is not spelled as "
            "one; write it like http://HOST:PORT or socks5://HOST:PORT."
        ) from exc
