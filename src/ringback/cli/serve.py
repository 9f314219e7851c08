"""``ringback serve``: the production profile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.dev import ready_line
from ringback.cli.options import WEBHOOK_HTTP, origins_from, server_options, settings_from
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.app import Address

_NO_KEYS = "No token opens anything yet; make one: ringback keys create --workspace NAME --data {}"


@click.command("serve")
@server_options(WEBHOOK_HTTP)
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Run the server: made tokens, public https webhooks alone.

    It listens on loopback unless told otherwise; put a proxy that speaks TLS in front of it.
    """
    settings = settings_from({**flags, "profile": "serve"}, config=config)
    hints: set[asyncio.Task[None]] = set()

    def on_ready(address: Address) -> None:
        line = f"Ringback is ready at {address.url}"
        click.echo(ready_line(address, settings) if as_json else line)
        # Looked up only now: the server holds the directory's lock and has migrated the database.
        hints.add(asyncio.get_running_loop().create_task(_hint(settings)))

    from ringback.app import run

    run(settings, on_ready=on_ready, origins=origins_from(flags, config=config))


async def _hint(settings: Settings) -> None:
    from ringback.app import open_store

    async with open_store(settings, exclusive=False) as store:
        tokens = await store.list_tokens()
    if all(token.revoked_at_ms is not None for token in tokens):
        click.echo(_NO_KEYS.format(settings.data), err=True)
