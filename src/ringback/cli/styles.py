"""``ringback styles``: train styles, look at them, delete them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import Status
from ringback.cli.options import AS_JSON, LIMIT
from ringback.cli.output import print_json, print_lines, short_time, talk

if TYPE_CHECKING:
    from ringback.client.models import Style


@click.group("styles")
def command() -> None:
    """Train styles from pictures; list, show and delete them."""


@command.command("train")
@click.argument("name")
@click.argument("pictures", metavar="URL...", nargs=-1, required=True)
@click.option("--model", metavar="MODEL", help="What the style is for; by default flux_dev.")
@click.option("--trigger-word", metavar="TEXT", help="What stands for the style in a prompt.")
@click.option("--webhook", metavar="URL", help="Where the job is sent when it has ended.")
@connection
@AS_JSON
def train(
    name: str,
    pictures: tuple[str, ...],
    model: str | None,
    trigger_word: str | None,
    webhook: str | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Train a style, wait for it, and print its id.

    Pictures are given by their addresses; "ringback assets upload FILE" makes one of a file.
    """
    from ringback.cli.job_lines import job_members

    asked = {"model": model, "trigger_word": trigger_word}
    more = {field: value for field, value in asked.items() if value is not None}
    with client_of(url, token) as client:
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
@connection
@AS_JSON
def list_(which: str | None, limit: int, url: str | None, token: str | None, as_json: bool) -> None:
    """List the styles that you may use, newest first."""
    with client_of(url, token) as client:
        page = client.styles.list(limit=limit, filter=which)
    if as_json:
        print_json(page.items)
        return
    print_lines(map(_line, page.items))
    if not page.items:
        talk("No styles; ringback styles train NAME URL... makes one.")
    elif page.next_cursor is not None:
        talk("There are more; --limit shows them.")


@command.command("show")
@click.argument("style_id", metavar="ID")
@connection
@AS_JSON
def show(style_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Show a style."""
    with client_of(url, token) as client:
        style = client.styles.get(style_id)
    if as_json:
        print_json(style)
    else:
        print_lines(_lines(style))


@command.command("delete")
@click.argument("style_id", metavar="ID")
@connection
@AS_JSON
def delete(style_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Delete a style of yours, with its files."""
    with client_of(url, token) as client:
        client.styles.delete(style_id)
    if as_json:
        print_json({"id": style_id, "deleted": True})
    else:
        talk(f"Style {style_id} is deleted.")


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
