"""Which server a command speaks to, and with which token: the same options everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ringback import Ringback

Command = TypeVar("Command", bound=Callable[..., Any])

# A person waits: a server that is not there is said to be missing soon.
_RETRIES_MAX = 2


def _url(_ctx: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    return None if url is None else _checked(url, base_url=url, api_key=None)


def _token(_ctx: click.Context, _option: click.Parameter, token: str | None) -> str | None:
    return None if token is None else _checked(token, base_url=None, api_key=token)


def _checked(text: str, *, base_url: str | None, api_key: str | None) -> str:
    from ringback.client.config import configured
    from ringback.client.errors import ConfigurationError

    try:
        configured(api_key or "dev", base_url, environment={})
    except ConfigurationError as exc:
        raise click.BadParameter(str(exc)) from exc
    return text


URL = click.option(
    "--url",
    metavar="URL",
    callback=_url,
    help="The server. [RINGBACK_BASE_URL, default http://127.0.0.1:7464]",
)
TOKEN = click.option(
    "--token",
    metavar="TOKEN",
    callback=_token,
    help="What opens its workspace. [RINGBACK_API_KEY; dev will do for the emulator]",
)


def connection(function: Command) -> Command:
    """Give a command the options ``--url`` and ``--token``."""
    return URL(TOKEN(function))


def where(url: str | None, token: str | None) -> tuple[str, str]:
    """Return the server's URL and the token, from the options or else from the environment.

    Raises ``ConfigurationError`` for what cannot work.
    """
    import os

    from ringback.client.config import configured

    config = configured(token, url, environment=os.environ)
    return config.base_url, config.api_key


def client_of(url: str | None, token: str | None) -> Ringback:
    """Return a client of the server; raises ``ConfigurationError`` for what cannot work."""
    from ringback import Ringback

    return Ringback(token, url, max_retries=_RETRIES_MAX)
