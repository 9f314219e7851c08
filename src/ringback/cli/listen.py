"""``ringback listen``: events as they come, printed, or forwarded to a program on this machine."""

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


def _names(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


@click.command("listen")
@connection
@click.option(
    "--forward-to", metavar="URL", help="Post webhooks there, like http://localhost:3000/webhook."
)
@click.option(
    "--events",
    callback=_names,
    metavar="NAMES",
    help="Which events are forwarded, with commas; default: the three ends of jobs.",
)
@click.option(
    "--models",
    callback=_names,
    metavar="NAMES",
    help="Of whose jobs they are forwarded, with commas; default: of all models.",
)
@click.option("--name", metavar="NAME", help="The listener's name; default: yours on this machine.")
@click.option("--rotate-secret", is_flag=True, help="Show a new signing secret of the listener.")
@click.option("--forget", is_flag=True, help="Delete the listener, and end.")
@click.option("--print-json", is_flag=True, help="Print the bodies that are forwarded, too.")
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
    forward_to: str | None,
    events: tuple[str, ...],
    models: tuple[str, ...],
    name: str | None,
    rotate_secret: bool,
    forget: bool,
    print_json: bool,
    state: Path | None,
    from_start: bool,
    once: bool,
    as_json: bool,
) -> None:
    """Print events as they come, or forward webhooks to this machine.

    With --forward-to, what the workspace is owed from now on is taken over this one connection and
    posted there, signed; what the program answers is in the server's log. Nothing is missed while
    nobody listens: the next run goes on. Two programs of one name share.

    Without it, events are printed from where you left off. An event is printed before its place is
    kept: after a crash it may be printed again, and none is left out.

    Either goes on until Ctrl-C, and through restarts of the server.
    """
    if forward_to is None and not forget:
        if events or models or name or rotate_secret or print_json:
            raise click.UsageError(
                "--events, --models, --name, --rotate-secret and --print-json go with --forward-to."
            )
        _print_feed(url, token, state=state, from_start=from_start, once=once, as_json=as_json)
        return
    if state is not None or from_start or once:
        raise click.UsageError("--state, --from-start and --once do not go with --forward-to.")
    from ringback.cli import forward
    from ringback.client.events import ENDS

    asked = forward.Forwarding(
        url=url,
        token=token,
        forward_to=forward_to or "",
        name=name or forward.default_name(),
        events=events or ENDS,
        models=models,
        rotate_secret=rotate_secret,
        as_json=as_json,
        print_json=print_json,
    )
    if forget:
        forward.forget(asked)
    else:
        click.get_current_context().exit(forward.forward(asked))


def _print_feed(
    url: str | None,
    token: str | None,
    *,
    state: Path | None,
    from_start: bool,
    once: bool,
    as_json: bool,
) -> None:
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
