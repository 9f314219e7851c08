"""``ringback worker`` runs a process that only runs jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringback.cli.commands.serve import serve
from ringback.cli.console.options import WORKER_OPTIONS, options, settings_from


@click.command("worker")
@options(*WORKER_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> int:
    """Run a worker alone, beside servers on the same PostgreSQL.

    Any number of them may run, on any machines. With --engines or --models it runs only those jobs.
    """
    chosen = {**flags, "profile": "serve", "roles": ["worker"]}
    return serve(settings_from(chosen, config=config), as_json=as_json)
