"""``ringback apps`` pushes node apps from files, lists them and runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import Status
from ringback.cli.console.job_output import job_members, print_unfinished, wait_for_end
from ringback.cli.console.json_input import INPUT, input_object
from ringback.cli.console.model_options import read_parameters
from ringback.cli.console.options import LIMIT, TIMEOUT
from ringback.cli.console.output import (
    print_found,
    print_json,
    print_lines,
    print_page,
    short_time,
    talk,
)
from ringback.wire.texts import read_standard_input, read_text_file

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.models import NodeApp


@click.group("apps")
def command() -> None:
    """Push, list and run node apps: graphs of steps."""


@command.command("push")
@click.argument("file", metavar="FILE")
@with_client
def push(file: str, client: Ringback, as_json: bool) -> None:
    """Push a definition, a JSON file, as the next version of its app.

    Prints the id of the version. An unchanged definition makes no new version. A FILE of "-" is
    read from standard input.
    """
    definition = _definition(file)
    app = client.node_apps.push(definition)
    if as_json:
        print_json(app)
        return
    talk(f"{app.slug} is at version {app.version or 0:g}; ringback apps run {app.slug} runs it.")
    print_lines([app.version_id or app.id])


@command.command("list")
@LIMIT
@with_client
def list_(limit: int, client: Ringback, as_json: bool) -> None:
    """List apps in their latest versions, those pushed last first."""
    page = client.node_apps.list(limit=limit)
    print_page(page, _line, as_json=as_json, empty="No apps; ringback apps push FILE makes one.")


@command.command("show")
@click.argument("app", metavar="APP")
@with_client
def show(app: str, client: Ringback, as_json: bool) -> None:
    """Show an app: a version by its id, or the latest by the app's slug."""
    print_found(client.node_apps.get(app), _lines, as_json=as_json)


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("app", metavar="APP")
@INPUT
@click.option("--webhook", metavar="URL", help="Called once, when the run is over.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or print the run at once.")
@TIMEOUT
@with_client
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--INPUT VALUE]...")
def run(
    app: str,
    words: tuple[str, ...],
    input_text: str | None,
    webhook: str | None,
    wait: bool,
    timeout_s: float | None,
    client: Ringback,
    as_json: bool,
) -> int:
    """Run an app, and print its outputs by their names.

    Every input of the app is an option, like --subject "a fox"; "ringback apps show APP" lists
    them. --input takes inputs whose names are options of this command. The exit status is 3 for
    a run that failed or was cancelled. Ctrl-C ends the waiting, not the run.
    """
    found = client.node_apps.get(app)
    values = {**input_object(input_text), **_inputs(words, found)}
    (job, *_) = client.node_apps.execute(found.version_id or app, values, webhook_url=webhook)
    if wait:
        job = wait_for_end(job, name="Run", ends="ends it with its steps", timeout_s=timeout_s)
    if as_json:
        print_json(job_members(job))
    elif job.status != "completed":
        print_unfinished(job, name="Run")
    else:
        print_lines(f"{name:12}  {_shown(value)}" for name, value in job.outputs.items())
    return Status.JOB_ENDED if job.status in ("failed", "cancelled") else Status.WELL


def _definition(file: str) -> dict[str, Any]:
    try:
        text = read_standard_input() if file == "-" else read_text_file(Path(file))
        found = json.loads(text)
    except OSError as exc:
        raise click.UsageError(f"{file} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"{file} is no JSON: {exc}.") from exc
    if not isinstance(found, dict):
        raise click.UsageError(f"{file} must hold a JSON object with name, steps and outputs.")
    return found


def _inputs(words: Sequence[str], app: NodeApp) -> dict[str, Any]:
    read = read_parameters(words, app.input_openapi_schema or {})
    if read.prompt is not None:
        raise click.UsageError(
            f"{read.prompt!r} is no option; inputs are like --subject {'a fox'!r}."
        )
    return read.values


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(app: NodeApp) -> str:
    when = short_time(app.updated_at) if app.updated_at else "-"
    return f"{app.version_id}  {when}  v{app.version or 0:<4g}  {app.slug:24}  {app.name}".rstrip()


def _lines(app: NodeApp) -> Iterator[str]:
    for name in ("name", "slug", "description", "version", "version_id", "last_version_id"):
        if value := getattr(app, name):
            yield f"{name:15}  {value:g}" if isinstance(value, float) else f"{name:15}  {value}"
    for side, schema in (
        ("input", app.input_openapi_schema),
        ("output", app.output_openapi_schema),
    ):
        required = (schema or {}).get("required", ())
        for name, about in ((schema or {}).get("properties") or {}).items():
            kind = about.get("type", "any")
            must = ", required" if side == "input" and name in required else ""
            words = about.get("description", "")
            yield f"{side:15}  {name} ({kind}{must})  {words}".rstrip()
