"""``ringback styles`` trains, lists, shows and deletes styles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import Status
from ringback.cli.console.options import LIMIT
from ringback.cli.console.output import (
    print_deleted,
    print_found,
    print_json,
    print_lines,
    print_page,
    short_time,
    talk,
)

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.models import Style


@click.group("styles")
def command() -> None:
    """Train styles from pictures; list, show and delete them."""


@command.command("train")
@click.argument("name")
@click.argument("pictures", metavar="URL...", nargs=-1, required=True)
@click.option("--model", metavar="MODEL", help="The model of the style; by default flux_dev.")
@click.option("--trigger-word", metavar="TEXT", help="The word for the style in prompts.")
@click.option("--webhook", metavar="URL", help="Called when the job has ended.")
@with_client
def train(
    name: str,
    pictures: tuple[str, ...],
    model: str | None,
    trigger_word: str | None,
    webhook: str | None,
    client: Ringback,
    as_json: bool,
) -> int:
    """Train a style, wait for it, and print its id.

    URLs are the addresses of pictures; "ringback assets upload FILE" returns one for a file.
    """
    from ringback.cli.console.job_output import job_members

    optional = {"model": model, "trigger_word": trigger_word}
    more = {field: value for field, value in optional.items() if value is not None}
    body = {"name": name, "urls": list(pictures), **more}
    job = client.styles.train(body, webhook_url=webhook).wait(check=False)
    if as_json:
        print_json(job_members(job))
    elif job.status == "completed" and job.style_id is not None:
        talk(f'Style {job.style_id} is drawn in with "styles": [{{"id": …, "strength": 1}}].')
        print_lines([job.style_id])
    else:
        talk(f"Job {job.job_id} {job.status}: {job.error or 'no reason was given'}")
    return Status.WELL if job.status == "completed" else Status.JOB_ENDED


@command.command("list")
@click.option("--filter", "which", metavar="WHICH", help="all, user, shared or public.")
@LIMIT
@with_client
def list_(which: str | None, limit: int, client: Ringback, as_json: bool) -> None:
    """List the styles that you may use, newest first."""
    page = client.styles.list(limit=limit, filter=which)
    print_page(
        page,
        _line,
        as_json=as_json,
        empty="No styles; ringback styles train NAME URL... makes one.",
    )


@command.command("show")
@click.argument("style_id", metavar="ID")
@with_client
def show(style_id: str, client: Ringback, as_json: bool) -> None:
    """Show a style."""
    print_found(client.styles.get(style_id), _lines, as_json=as_json)


@command.command("delete")
@click.argument("style_id", metavar="ID")
@with_client
def delete(style_id: str, client: Ringback, as_json: bool) -> None:
    """Delete a style of yours, with its files."""
    client.styles.delete(style_id)
    print_deleted("Style", style_id, as_json=as_json)


def _line(style: Style) -> str:
    columns = (
        style.id,
        short_time(style.created_at) if style.created_at else "-",
        f"{','.join(style.models):12}",
        "public " if style.public else "       ",
        style.title or "",
    )
    return "  ".join(columns).rstrip()


def _lines(style: Style) -> Iterator[str]:
    for name in style.__struct_fields__:
        value = getattr(style, name)
        if value is None or value == ():
            continue
        if name == "created_at":
            value = short_time(value)
        elif name == "owner":
            value = value.get("name", "")
        elif isinstance(value, tuple):
            value = " ".join(value)
        yield f"{name:12}  {value}"
