"""``ringback migrate``: from a data directory to PostgreSQL and a bucket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from ringback.cli.options import AS_JSON, CONFIG, DATA, DATABASE, settings_from


@click.command("migrate")
@DATA
@DATABASE
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be moved; write nothing.")
@CONFIG
@AS_JSON
def command(
    data: Path | None, database: str | None, dry: bool, config: Path | None, as_json: bool
) -> None:
    """Move a data directory into PostgreSQL and a bucket.

    Its artifacts go into the bucket of the settings, if they name one. No server may run on
    either side. A move that was broken off goes on when it is asked for again.
    Nothing is taken away from the directory.
    """
    from ringback import log
    from ringback.app.moving import move

    log.configure(level="warning", as_json=False)
    settings = settings_from({"data": data, "database": database}, config=config)
    moved = asyncio.run(move(settings, dry=dry, tell=lambda line: click.echo(line, err=True)))
    if as_json:
        told = {"rows": moved.rows, "artifacts": moved.artifacts_count, "dry_run": moved.is_dry}
        click.echo(json.dumps(told))
        return
    rows = sum(moved.rows.values())
    where = "would be moved" if dry else "are there, proved row by row; the books balance"
    click.echo(f"{rows:,} rows and {moved.artifacts_count:,} artifacts {where}.")
    if not dry:
        click.echo(
            "Give every process the same RINGBACK_MASTER_KEY: the variable's that served the "
            "directory, or what its file master.key holds.",
            err=True,
        )
