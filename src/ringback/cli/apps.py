"""``ringback apps``: graphs of steps, pushed from a file and run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import Status
from ringback.cli.given import INPUT, given_input
from ringback.cli.job_lines import job_members
from ringback.cli.options import AS_JSON, LIMIT, TIMEOUT
from ringback.cli.output import print_json, print_lines, short_time, talk
from ringback.cli.parameters import ParameterError, read_parameters

if TYPE_CHECKING:
    from ringback import Job
    from ringback.client.models import NodeApp


@click.group("apps")
def command() -> None:
    """Push graphs of steps, look at them, and run them."""


@command.command("push")
@click.argument("file", metavar="FILE")
@connection
@AS_JSON
def push(file: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Push a definition, a JSON file, as the next version of its app.

    Prints the id of the version. Pushing what the latest version is already makes no other. A FILE
    of "-" is read from standard input.
    """
    definition = _definition(file)
    with client_of(url, token) as client:
        app = client.node_apps.push(definition)
    if as_json:
        print_json(app)
        return
    talk(f"{app.slug} is at version {app.version or 0:g}; ringback apps run {app.slug} runs it.")
    print_lines([app.version_id or app.id])


@command.command("list")
@LIMIT
@connection
@AS_JSON
def list_(limit: int, url: str | None, token: str | None, as_json: bool) -> None:
    """List apps in their latest versions, those pushed last first."""
    with client_of(url, token) as client:
        page = client.node_apps.list(limit=limit)
    if as_json:
        print_json(page.items)
        return
    print_lines(map(_line, page.items))
    if not page.items:
        talk("No apps; ringback apps push FILE makes one.")
    elif page.next_cursor is not None:
        talk("There are more; --limit shows them.")


@command.command("show")
@click.argument("app", metavar="APP")
@connection
@AS_JSON
def show(app: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Show an app: a version by its id, or the latest by the app's slug."""
    with client_of(url, token) as client:
        found = client.node_apps.get(app)
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found))


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("app", metavar="APP")
@INPUT
@click.option("--webhook", metavar="URL", help="Called once, when the run is over.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or print the run at once.")
@TIMEOUT
@connection
@AS_JSON
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--INPUT VALUE]...")
def run(
    app: str,
    words: tuple[str, ...],
    given: str | None,
    webhook: str | None,
    wait: bool,
    timeout_s: float | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Run an app, and print its outputs by their names.

    Every input of the app is an option, like --subject "a fox"; "ringback apps show APP" lists
    them. --input gives what is called as an option of this command is. The exit status is 3 for a
    run that failed or was cancelled. Ctrl-C ends the waiting, not the run.
    """
    with client_of(url, token) as client:
        found = client.node_apps.get(app)
        values = {**given_input(given), **_inputs(words, found)}
        (job, *_) = client.node_apps.execute(found.version_id or app, values, webhook_url=webhook)
        if wait:
            job = _waited(job, timeout_s=timeout_s)
    if as_json:
        print_json(job_members(job))
    elif not job.is_terminal:
        talk("The run is on its way; ringback jobs watch follows it.")
        print_lines([job.job_id])
    elif job.status != "completed":
        talk(f"Run {job.job_id} {job.status}: {job.error or 'no reason was given'}")
    else:
        print_lines(f"{name:12}  {_shown(value)}" for name, value in job.outputs.items())
    return Status.JOB_ENDED if job.status in ("failed", "cancelled") else Status.WELL


def _definition(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        found = json.loads(text)
    except OSError as exc:
        raise click.UsageError(f"{file} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"{file} is no JSON: {exc}.") from exc
    if not isinstance(found, dict):
        raise click.UsageError(f"{file} must hold a JSON object with name, steps and outputs.")
    return found


def _inputs(words: Sequence[str], app: NodeApp) -> dict[str, Any]:
    try:
        read = read_parameters(words, app.input_openapi_schema or {})
    except ParameterError as exc:
        raise click.UsageError(str(exc)) from exc
    if read.prompt is not None:
        raise click.UsageError(
            f"{read.prompt!r} is no option; inputs are like --subject {'a fox'!r}."
        )
    return read.values


def _waited(job: Job, *, timeout_s: float | None) -> Job:
    try:
        return job.wait(timeout=timeout_s, check=False)
    except KeyboardInterrupt:
        talk(
            f"Run {job.job_id} goes on: ringback jobs watch {job.job_id} follows it, "
            f"ringback jobs cancel {job.job_id} ends it with its steps."
        )
        raise


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(app: NodeApp) -> str:
    when = short_time(app.updated_at) if app.updated_at else "-"
    return f"{app.version_id}  {when}  v{app.version or 0:<4g}  {app.slug:24}  {app.name}".rstrip()


def _lines(app: NodeApp) -> Iterator[str]:
    for name in ("name", "slug", "description", "version", "version_id", "last_version_id"):
        if value := getattr(app, name):
            yield f"{name:15}  {value:g}" if isinstance(value, float) else f"{name:15}  {value}"
    for what, schema in (
        ("input", app.input_openapi_schema),
        ("output", app.output_openapi_schema),
    ):
        required = (schema or {}).get("required", ())
        for name, about in ((schema or {}).get("properties") or {}).items():
            kind = about.get("type", "any")
            must = ", required" if what == "input" and name in required else ""
            words = about.get("description", "")
            yield f"{what:15}  {name} ({kind}{must})  {words}".rstrip()
