"""The options ``--url`` and ``--token`` of every command that talks to a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringback.cli.console.options import AS_JSON

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.config import Config

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")

# Few retries, because a person waits for the error.
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
    help="The token of the workspace. [RINGBACK_API_KEY; the emulator takes dev]",
)


def connection(function: Command) -> Command:
    """Give a command the options ``--url`` and ``--token``."""
    return URL(TOKEN(function))


def with_client(function: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command ``--url``, ``--token`` and ``--json``; it gets ``client`` and ``as_json``."""

    @wraps(function)
    def command(*arguments: Any, url: str | None, token: str | None, **options: Any) -> Result:
        with client_of(url, token) as client:
            return function(*arguments, client=client, **options)

    return connection(AS_JSON(command))


def where(url: str | None, token: str | None) -> Config:
    """Return the server's URL and the token, from the options or else from the environment.

    Raises ``ConfigurationError`` for an invalid one.
    """
    import os

    from ringback.client.config import configured

    return configured(token, url, environment=os.environ)


def client_of(url: str | None, token: str | None) -> Ringback:
    """Return a client of the server; raises ``ConfigurationError``."""
    from ringback import Ringback

    return Ringback(token, url, max_retries=_RETRIES_MAX)
