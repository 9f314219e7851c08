"""``ringback dispatch``: a process that sends webhooks, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringback.cli.options import DISPATCH_OPTIONS, options, settings_from
from ringback.cli.serve import serve


@click.command("dispatch")
@options(*DISPATCH_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Run a dispatcher alone, beside servers on the same PostgreSQL.

    Any number of them may run, on any machines.
    """
    chosen = {**flags, "profile": "serve", "roles": ["dispatcher"]}
    serve(settings_from(chosen, config=config), as_json=as_json)
