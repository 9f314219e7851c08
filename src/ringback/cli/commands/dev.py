"""``ringback dev`` runs the emulator, for one developer on one machine."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback import __version__
from ringback.cli.console.options import DEV_OPTIONS, options, origins_from, settings_from
from ringback.cli.console.running import run_server
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.server.run import Address

DEV_TOKEN = "dev"
EXAMPLE_PATH = "/generate/image/bfl/flux-1-dev"
EXAMPLE_INPUT = {
    "prompt": "a serene mountain landscape at sunset",
    "width": 1024,
    "height": 576,
}
_EXAMPLE_WEBHOOK_URL = "http://127.0.0.1:8000/webhook"


@click.command("dev")
@options(*DEV_OPTIONS)
@click.option(
    "--ephemeral",
    is_flag=True,
    help="Keep the data in a temporary directory, which is deleted when the server ends.",
)
def command(config: Path | None, as_json: bool, ephemeral: bool, **flags: Any) -> int:
    """Run the emulator: any token, webhooks into your own networks.

    Any bearer token opens a workspace of its name, and webhooks may go to this machine and to
    private networks.
    With --json, it prints one line with its URL as soon as it is ready.
    """
    if not ephemeral:
        return _run(flags, config=config, as_json=as_json)
    if flags.get("data") is not None:
        raise click.UsageError("--ephemeral deletes its data and --data keeps it; leave one out.")
    from ringback.server.temporary_data import temporary_data

    with temporary_data() as data:
        return _run({**flags, "data": data}, config=config, as_json=as_json, ephemeral=True)


def _run(
    flags: dict[str, Any], *, config: Path | None, as_json: bool, ephemeral: bool = False
) -> int:
    settings = settings_from({**flags, "profile": "dev"}, config=config)

    def on_ready(address: Address) -> None:
        show = ready_line if as_json else banner
        click.echo(show(address, settings, ephemeral=ephemeral))

    origins = origins_from(flags, config=config)
    return run_server(settings, on_ready=on_ready, origins=origins, shows_activity=not as_json)


def ready_line(address: Address, settings: Settings, *, ephemeral: bool = False) -> str:
    """Return the server's addresses, its token and its secret as one line of JSON."""
    ready = {
        "url": address.url,
        "token": None if address.dev_secret is None else DEV_TOKEN,
        "secret": address.dev_secret,
        "page": _page_url(address, settings),
        "inbox": address.inbox_url,
        "probes": address.probes_url,
        "data": str(settings.data.resolve()),
        "ephemeral": ephemeral or None,
        "pid": os.getpid(),
    }
    return json.dumps({name: value for name, value in ready.items() if value is not None})


def banner(address: Address, settings: Settings, *, ephemeral: bool = False) -> str:
    """Return the text that the emulator prints for people when it is ready."""
    assert address.url is not None
    facts = {
        "page": (_page_url(address, settings), "jobs, webhooks and their bytes, first steps"),
        "token": (DEV_TOKEN, "any other opens a workspace of its name"),
        "secret": (address.dev_secret, "signs the webhooks of the workspace dev"),
        "inbox": (address.inbox_url, "a webhook URL; the page shows its webhooks"),
        "data": (str(settings.data.resolve()), "deleted at the end" if ephemeral else ""),
    }
    lines = [
        f"  {name:7} {value}" + (f"  ({meaning})" if meaning else "")
        for name, (value, meaning) in facts.items()
        if value is not None
    ]
    facts_shown = "\n".join(lines)
    return f"""\
Ringback {__version__}, the emulator, is ready at {address.url}

{facts_shown}

  Webhooks and inputs may use this machine and private networks, by any name and port.

Try it, here with the inbox as the webhook URL; your receiver's address does as well:

{curl_line(address.url, webhook_url=address.inbox_url or _EXAMPLE_WEBHOOK_URL)}

Ctrl-C stops it.
"""


def _page_url(address: Address, settings: Settings) -> str | None:
    return f"{address.url}/ui/" if address.url is not None and settings.dashboard else None


def curl_line(url: str, *, webhook_url: str) -> str:
    """Return a command that submits the example job, ready to be pasted into a shell."""
    return f"""\
curl -X POST {shlex.quote(url + EXAMPLE_PATH)} \\
  -H "Authorization: Bearer {DEV_TOKEN}" \\
  -H "Content-Type: application/json" \\
  -H "X-Webhook-URL: {webhook_url}" \\
  -d '{json.dumps(EXAMPLE_INPUT)}'"""
