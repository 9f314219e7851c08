"""``ringback demo``: one job's whole story, on real processes and real sockets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ringback.cli.demo.story import tell
from ringback.cli.demo.teller import Teller

DEFAULT_DATA = Path(".ringback/demo")


@click.command("demo")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="The port of the emulator.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DATA,
    metavar="DIR",
    show_default=True,
    help="The directory where the picture stays.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, talk apart.")
def command(port: int, data: Path, as_json: bool) -> None:
    """Watch one job, from its submission to its webhook.

    It starts the emulator and a receiver, submits a job with X-Webhook-URL, verifies the webhook
    that arrives and says where the picture is. The picture stays; the processes do not.
    """
    outcome = tell(Teller(to_stderr=as_json), data=data, port=port)
    if as_json:
        click.echo(json.dumps(outcome.document()))
