"""``ringback dispatch`` runs a process that only sends webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringback.cli.commands.serve import serve
from ringback.cli.console.options import DISPATCH_OPTIONS, options, settings_from


@click.command("dispatch")
@options(*DISPATCH_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> int:
    """Run a dispatcher alone, beside servers on the same PostgreSQL.

    Any number of them may run, on any machines.
    """
    chosen = {**flags, "profile": "serve", "roles": ["dispatcher"]}
    return serve(settings_from(chosen, config=config), as_json=as_json)
