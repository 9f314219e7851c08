"""``ringback worker``: a process that runs jobs, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringback.cli.options import WORKER_OPTIONS, options, settings_from
from ringback.cli.serve import serve


@click.command("worker")
@options(*WORKER_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Run a worker alone, beside servers on the same PostgreSQL.

    Any number of them may run, on any machines. With --engines or --models it runs only those jobs.
    """
    chosen = {**flags, "profile": "serve", "roles": ["worker"]}
    serve(settings_from(chosen, config=config), as_json=as_json)
