"""``ringback jobs``: the jobs of a workspace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import Status
from ringback.cli.job_lines import job_line, job_lines, job_members
from ringback.cli.options import AS_JSON, LIMIT, TIMEOUT
from ringback.cli.output import print_json, print_lines, talk

if TYPE_CHECKING:
    from ringback import Job

_STATUSES = "backlogged, queued, scheduled, processing, sampling, completed, failed, cancelled"


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    return connection(AS_JSON(function))


@click.group("jobs")
def command() -> None:
    """List, show, watch and cancel jobs."""


@command.command("list")
@click.option("--status", metavar="STATUS", help=f"Only of this status: {_STATUSES}.")
@click.option("--types", metavar="TYPES", help="Only of these types, comma-separated.")
@LIMIT
@_common
def list_(
    status: str | None,
    types: str | None,
    limit: int,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    wanted = types.split(",") if types else None
    with client_of(url, token) as client:
        page = client.jobs.list(limit=limit, status=status, types=wanted)
    if as_json:
        print_json([job_members(job) for job in page.items])
        return
    print_lines(map(job_line, page.items))
    if not page.items:
        talk("No jobs; ringback generate makes one.")
    elif page.next_cursor is not None:
        talk("There are more; --limit shows them.")


@command.command("show")
@click.argument("job_id", metavar="ID")
@_common
def show(job_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Show a job as it stands."""
    with client_of(url, token) as client:
        _print(client.jobs.get(job_id), as_json=as_json)


@command.command("watch")
@click.argument("job_id", metavar="ID")
@TIMEOUT
@_common
def watch(
    job_id: str, timeout_s: float | None, url: str | None, token: str | None, as_json: bool
) -> int:
    """Follow a job until it has ended.

    A terminal shows a bar; anything else gets a line for every change. The exit status is 3 for a
    job that failed or was cancelled.
    """
    has_bar = sys.stderr.isatty()

    def tell(job: Job) -> None:
        if as_json:
            print_json(job_members(job))
        elif not has_bar and not job.is_terminal:
            print_lines([f"{job.progress or 0.0:4.0%}  {job.status}"])

    with client_of(url, token) as client:
        job = client.jobs.wait(
            job_id, timeout=timeout_s, check=False, progress=has_bar, on_update=tell
        )
    if not as_json:
        print_lines(job_lines(job))
    return Status.WELL if job.status == "completed" else Status.JOB_ENDED


@command.command("cancel")
@click.argument("job_id", metavar="ID")
@_common
def cancel(job_id: str, url: str | None, token: str | None, as_json: bool) -> int:
    """End a job that has not ended.

    The exit status is 1 when it had ended otherwise before.
    """
    with client_of(url, token) as client:
        job = client.jobs.cancel(job_id)
    if as_json:
        print_json(job_members(job))
    elif job.status == "cancelled":
        talk(f"Job {job.job_id} is cancelled.")
    else:
        talk(f"Job {job.job_id} was {job.status} before.")
    return Status.WELL if job.status == "cancelled" else Status.FAILED


def _print(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job_members(job))
    else:
        print_lines(job_lines(job))
