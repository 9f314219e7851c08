"""``ringback migrate`` moves a data directory to PostgreSQL and a bucket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from ringback.cli.console.options import AS_JSON, CONFIG, DATA, DATABASE, settings_from


@click.command("migrate")
@DATA
@DATABASE
@click.option("--dry-run", "dry", is_flag=True, help="Print the counts to move; write nothing.")
@CONFIG
@AS_JSON
def command(
    data: Path | None, database: str | None, dry: bool, config: Path | None, as_json: bool
) -> None:
    """Move a data directory into PostgreSQL and a bucket.

    Its artifacts go into the bucket of the settings, if they name one. No server may run on
    either side. Run it again to continue an interrupted move. Nothing is deleted from the
    directory.
    """
    from ringback.cli.local.tokens import configure_for_command
    from ringback.server.migrate_data import move

    settings = settings_from({"data": data, "database": database}, config=config)
    configure_for_command(settings)
    moved = asyncio.run(move(settings, dry=dry, report=lambda line: click.echo(line, err=True)))
    if as_json:
        counts = {"rows": moved.rows, "artifacts": moved.artifacts_count, "dry_run": moved.is_dry}
        click.echo(json.dumps(counts))
        return
    rows = sum(moved.rows.values())
    where = "would be moved" if dry else "are there, proved row by row; the books balance"
    click.echo(f"{rows:,} rows and {moved.artifacts_count:,} artifacts {where}.")
    if not dry:
        click.echo(
            "Give every process the same RINGBACK_MASTER_KEY: the value that the directory's "
            "server had, or the content of its file master.key.",
            err=True,
        )
