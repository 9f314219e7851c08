"""``ringback listen``: events as they come, from where one left off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.connection import connection, where
from ringback.cli.options import AS_JSON
from ringback.cli.terminal import visible

if TYPE_CHECKING:
    from ringback.cli.feed_reader import Event


@click.command("listen")
@connection
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the place in the feed is kept; the next run goes on from there.",
)
@click.option("--from-start", is_flag=True, help="Begin with the oldest event, not with the next.")
@click.option("--once", is_flag=True, help="Print what there is, and end.")
@AS_JSON
def command(
    url: str | None,
    token: str | None,
    state: Path | None,
    from_start: bool,
    once: bool,
    as_json: bool,
) -> None:
    """Print events as they come, from where you left off.

    It goes on until Ctrl-C, and through restarts of the server. An event is printed before its
    place is kept: after a crash it may be printed again, and none is left out.
    """
    from msgspec import to_builtins

    from ringback.cli.feed_reader import FeedReader

    base_url, key = where(url, token)
    reader = FeedReader(base_url, key, state=state, from_start=from_start)

    def show(event: Event) -> None:
        click.echo(json.dumps(to_builtins(event)) if as_json else _line(event))

    def worry(sentence: str) -> None:
        click.echo(f"ringback: {visible(sentence)}", err=True)

    reader.run(show, worry, once=once)


def _line(event: Event) -> str:
    return visible(f"{event.created_at}  {event.type:15}  {event.body}")
