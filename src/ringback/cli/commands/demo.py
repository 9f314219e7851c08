"""``ringback demo`` shows one job from submission to webhook, with real processes and sockets."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

import click

from ringback.cli.console.options import GivenPath
from ringback.cli.demo.printer import Printer
from ringback.cli.demo.story import tell
from ringback.settings.sources import at_home
from ringback.wire.texts import variable_text

_DATA = ".ringback"
_DEMO = "demo"


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
    type=GivenPath(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="The directory where the picture stays. [RINGBACK_DATA/demo, default .ringback/demo]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def command(port: int, data: Path | None, as_json: bool) -> None:
    """Watch one job, from its submission to its webhook.

    It starts the emulator and a receiver, submits a job with X-Webhook-URL, verifies the webhook
    that arrives and says where the picture is. The picture stays; the processes do not.
    """
    printer, data = Printer(to_stderr=as_json), data or default_data()
    outcome = tell(printer, data=data, port=port)
    printer.line("To see it on the page, with its webhook:")
    printer.block(f"{_program()} dev --data {shlex.quote(str(data))}")
    if as_json:
        click.echo(json.dumps(outcome.document()))


def default_data() -> Path:
    """Return where the demo's data go: into the data directory, or where this user may write."""
    if chosen := variable_text(os.environ, "RINGBACK_DATA"):
        return at_home(Path(chosen)) / _DEMO
    data = Path(_DATA) / _DEMO
    try:
        for folder in (data.parent, data):
            folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            return data
    except OSError:  # a directory of another user, or a file system that takes no writes
        return Path(tempfile.mkdtemp(prefix="ringback-demo-"))


def _program() -> str:
    """Return the command as it was typed, so that it can be typed again."""
    typed = sys.argv[0]
    return shlex.quote(typed) if Path(typed).name == "ringback" else "ringback"
