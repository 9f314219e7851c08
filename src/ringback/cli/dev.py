"""``ringback dev``: the emulator, for one developer on one machine."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback import __version__
from ringback.cli.options import DEV_OPTIONS, options, origins_from, settings_from
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.app.serving import Address

EXAMPLE_PATH = "/generate/image/bfl/flux-1-dev"
EXAMPLE_INPUT = {
    "prompt": "a serene mountain landscape at sunset",
    "width": 1024,
    "height": 576,
}
_EXAMPLE_WEBHOOK_URL = "http://127.0.0.1:8000/webhook"


@click.command("dev")
@options(*DEV_OPTIONS)
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Run the emulator: any token, loopback webhooks, no network.

    Any bearer token opens a workspace of its name, and webhooks may go to loopback addresses.
    With --json, one line says where it is as soon as it is ready.
    """
    settings = settings_from({**flags, "profile": "dev"}, config=config)

    def on_ready(address: Address) -> None:
        click.echo(ready_line(address, settings) if as_json else banner(address, settings))

    from ringback.app.serving import run

    run(settings, on_ready=on_ready, origins=origins_from(flags, config=config))


def ready_line(address: Address, settings: Settings) -> str:
    """Return what a program needs to use the server, as one line of JSON."""
    ready = {
        "url": address.url,
        "probes": address.probes_url,
        "secret": address.dev_secret,
        "data": str(settings.data.resolve()),
        "pid": os.getpid(),
    }
    return json.dumps({name: value for name, value in ready.items() if value is not None})


def banner(address: Address, settings: Settings) -> str:
    """Return what a person needs to use the emulator."""
    assert address.url is not None
    return f"""\
Ringback {__version__}, the emulator, is ready at {address.url}

  Any bearer token opens a workspace of its name; loopback webhook URLs are allowed.
  The workspace "dev" signs its webhooks with {address.dev_secret}
  The data are in {settings.data.resolve()}

Try it, with your receiver's address as the webhook URL:

{curl_line(address.url)}

Ctrl-C stops it.
"""


def curl_line(url: str) -> str:
    """Return a command that submits the example job, ready to be pasted into a shell."""
    return f"""\
curl -X POST {shlex.quote(url + EXAMPLE_PATH)} \\
  -H "Authorization: Bearer dev" \\
  -H "Content-Type: application/json" \\
  -H "X-Webhook-URL: {_EXAMPLE_WEBHOOK_URL}" \\
  -d '{json.dumps(EXAMPLE_INPUT)}'"""
