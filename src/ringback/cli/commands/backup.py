"""``ringback backup`` copies a data directory, beside a running server."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ringback.cli.console.options import GivenPath, with_settings
from ringback.settings import Settings


@click.command("backup")
@click.argument("directory", type=GivenPath(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--without-key", is_flag=True, help="Leave the file master.key out of the copy.")
@with_settings
def command(directory: Path, without_key: bool, settings: Settings, as_json: bool) -> None:
    """Copy the data directory: database, artifacts, master key.

    A server may run meanwhile. A second backup to the same DIR copies only new artifacts. To
    restore, start a server on a copy of DIR: ringback serve --data COPY.
    """
    import msgspec

    from ringback.cli.local.backup import advice_on_key, back_up
    from ringback.cli.local.tokens import configure_for_command

    configure_for_command(settings)
    backup = back_up(settings, directory, with_key=not without_key)
    if as_json:
        click.echo(json.dumps(msgspec.structs.asdict(backup)))
        return
    click.echo(
        f"{backup.directory} has the database ({backup.database_bytes:,} bytes) and "
        f"{backup.artifacts_count:,} artifacts, {backup.artifacts_copied:,} of them new."
    )
    click.echo(advice_on_key(settings, backup), err=True)
    if settings.artifacts_url is not None:
        click.echo(f"The artifacts in {settings.artifacts_url} are not in it.", err=True)
