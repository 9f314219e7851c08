"""``ringback serve`` runs the server in its production profile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.commands.dev import ready_line
from ringback.cli.console.options import SERVE_OPTIONS, options, origins_from, settings_from
from ringback.cli.console.running import run_server
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.server.run import Address

_LOOPBACK = ("localhost", "127.", "::1")
_NO_NAME = (
    "Clients are answered at this machine's own addresses alone; set --public-url to the URL "
    "that they use, or name the host in --allowed-hosts."
)
_NO_KEYS = "No token opens anything yet; make one: ringback keys create --workspace NAME{}"


@click.command("serve")
@options(*SERVE_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> int:
    """Run the server: only issued tokens, only public https webhooks.

    It listens on loopback by default; put a proxy that speaks TLS in front of it.
    """
    settings = settings_from({**flags, "profile": "serve"}, config=config)
    return serve(settings, as_json=as_json, origins=origins_from(flags, config=config))


def serve(settings: Settings, *, as_json: bool, origins: dict[str, str] | None = None) -> int:
    """Serve in the settings' roles until a signal; return the exit status."""

    def on_ready(address: Address) -> None:
        line = ready_line(address, settings) if as_json else _line(address, settings)
        click.echo(line)

    def beside() -> None:
        if "api" in settings.roles:
            if (drawn := _drawn(settings)) is not None:
                _say("models_drawn", drawn, settings)
            if lacks_a_name(settings):
                _say("no_name", _NO_NAME, settings)
            _HINTS.add(asyncio.get_running_loop().create_task(_hint(settings)))

    return run_server(settings, on_ready=on_ready, origins=origins, beside=beside)


def _drawn(settings: Settings) -> str | None:
    from ringback.server.factories import sentence_on_drawings

    return sentence_on_drawings(settings)


def lacks_a_name(settings: Settings) -> bool:
    """Say whether other machines reach this server but no allowed host name is configured."""
    is_local = settings.host.lower().startswith(_LOOPBACK)
    return not (is_local or settings.public_url or settings.allowed_hosts or settings.is_dev)


def _line(address: Address, settings: Settings) -> str:
    if address.url is not None:
        return f"Ringback is ready at {address.url}"
    probes = "" if address.probes_url is None else f"; probes at {address.probes_url}"
    return f"Ringback is ready as {' and '.join(settings.roles)}{probes}"


_HINTS: set[asyncio.Task[None]] = set()
_HINT_S = 10.0
_CLOSE_S = 1.0


async def _hint(settings: Settings) -> None:
    """Print how to make a token if there is none."""
    # Only now: the server holds the directory's lock and has migrated the database.
    from ringback.errors import RingbackError

    try:
        async with asyncio.timeout(_HINT_S):
            is_closed = await _has_no_token(settings)
    except (RingbackError, TimeoutError):
        return  # a hint must neither fail nor delay the server
    if is_closed:
        where = "" if settings.database else f" --data {settings.data}"
        _say("no_tokens", _NO_KEYS.format(where), settings)


async def _has_no_token(settings: Settings) -> bool:
    from ringback.server.open_store import open_store

    async with open_store(settings, exclusive=False, left_s=lambda: _CLOSE_S) as store:
        tokens = await store.list_tokens()
    return all(token.revoked_at_ms is not None for token in tokens)


def _say(event: str, hint: str, settings: Settings) -> None:
    """Give the operator a hint: as a log event with a JSON log, else as a sentence."""
    from ringback.log import get_logger

    if settings.log_format == "json":
        get_logger(__name__).info(event, hint=hint)
    else:
        click.echo(hint, err=True)
