"""``ringback serve``: the production profile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.dev import ready_line
from ringback.cli.options import SERVE_OPTIONS, options, origins_from, settings_from
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.app.serving import Address

_NO_KEYS = "No token opens anything yet; make one: ringback keys create --workspace NAME{}"


@click.command("serve")
@options(*SERVE_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Run the server: made tokens, public https webhooks alone.

    It listens on loopback unless told otherwise; put a proxy that speaks TLS in front of it.
    """
    settings = settings_from({**flags, "profile": "serve"}, config=config)
    serve(settings, as_json=as_json, origins=origins_from(flags, config=config))


def serve(settings: Settings, *, as_json: bool, origins: dict[str, str] | None = None) -> None:
    """Serve in the settings' roles until told to end, saying when it is ready."""

    def on_ready(address: Address) -> None:
        line = ready_line(address, settings) if as_json else _line(address, settings)
        click.echo(line)
        if "api" in settings.roles:
            _hint(settings)

    from ringback.app.serving import run

    run(settings, on_ready=on_ready, origins=origins)


def _line(address: Address, settings: Settings) -> str:
    if address.url is not None:
        return f"Ringback is ready at {address.url}"
    probes = "" if address.probes_url is None else f"; probes at {address.probes_url}"
    return f"Ringback is ready as {' and '.join(settings.roles)}{probes}"


def _hint(settings: Settings) -> None:
    """Say, by and by, how to make a token if there is none."""
    # Looked up only now: the server holds the directory's lock and has migrated the database.
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # the parent of several processes
        asyncio.run(_look(settings))
    else:
        _HINTS.add(loop.create_task(_look(settings)))


_HINTS: set[asyncio.Task[None]] = set()


async def _look(settings: Settings) -> None:
    from ringback.app.opening import open_store

    async with open_store(settings, exclusive=False) as store:
        tokens = await store.list_tokens()
    if all(token.revoked_at_ms is not None for token in tokens):
        where = "" if settings.database else f" --data {settings.data}"
        click.echo(_NO_KEYS.format(where), err=True)
