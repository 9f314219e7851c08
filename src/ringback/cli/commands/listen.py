"""``ringback listen`` prints events as they come, or forwards webhooks to this machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import connection, where
from ringback.cli.console.options import AS_JSON, CA_FILE, SKIP_VERIFY, GivenPath
from ringback.cli.console.output import print_json, print_lines, spelled
from ringback.cli.console.terminal import visible

if TYPE_CHECKING:
    from ringback.client.models import Event


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
    help="Forward these events, comma-separated; default: the three terminal ones.",
)
@click.option(
    "--models",
    callback=_names,
    metavar="NAMES",
    help="Forward events of jobs of these models, comma-separated; default: all.",
)
@CA_FILE
@SKIP_VERIFY
@click.option("--name", metavar="NAME", help="The listener's name; default: yours on this machine.")
@click.option("--rotate-secret", is_flag=True, help="Show a new signing secret of the listener.")
@click.option("--forget", is_flag=True, help="Delete the listener, and end.")
@click.option("--print-json", is_flag=True, help="Print the bodies that are forwarded, too.")
@click.option(
    "--state",
    type=GivenPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the cursor of the feed here; the next run continues from it.",
)
@click.option("--from-start", is_flag=True, help="Begin with the oldest event, not with the next.")
@click.option("--once", is_flag=True, help="Print the events so far, and end.")
@AS_JSON
def command(
    url: str | None,
    token: str | None,
    forward_to: str | None,
    events: tuple[str, ...],
    models: tuple[str, ...],
    ca_file: Path | None,
    skip_verify: bool,
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

    With --forward-to, the workspace's new deliveries come over this one connection and are posted
    to that URL, signed; the program's answers are in the server's delivery log. Deliveries wait
    while no listener runs, and the next run gets them. Two listeners of one name share them.

    Without it, events are printed from the saved cursor on. An event is printed before the cursor
    is saved: after a crash it may be printed again, and none is left out.

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
    from ringback.cli.remote import forwarding
    from ringback.client.events import ENDS

    options = forwarding.Forwarding(
        url=url,
        token=token,
        forward_to=forward_to or "",
        name=name or forwarding.default_name(),
        events=events or ENDS,
        models=models,
        rotate_secret=rotate_secret,
        as_json=as_json,
        print_json=print_json,
        ca_file=ca_file,
        verifies=not skip_verify,
    )
    if forget:
        forwarding.forget(options)
    else:
        click.get_current_context().exit(forwarding.forward(options))


def _print_feed(
    url: str | None,
    token: str | None,
    *,
    state: Path | None,
    from_start: bool,
    once: bool,
    as_json: bool,
) -> None:
    from ringback.cli.remote.feed_reader import FeedReader

    def show(event: Event) -> None:
        if as_json:
            print_json(event)
        else:
            print_lines([f"{spelled(event.created_at)}  {event.type:15}  {event.body}"])

    def warn(sentence: str) -> None:
        click.echo(f"ringback: {visible(sentence)}", err=True)

    with closing(FeedReader(where(url, token), state=state, from_start=from_start)) as reader:
        reader.run(show, warn, once=once)
