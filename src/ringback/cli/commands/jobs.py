"""``ringback jobs`` lists, shows, watches and cancels jobs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import Status
from ringback.cli.console.job_output import job_line, job_lines, job_members
from ringback.cli.console.options import LIMIT, TIMEOUT
from ringback.cli.console.output import print_json, print_lines, print_page, talk

if TYPE_CHECKING:
    from ringback import Job, Ringback
    from ringback.wire.names import StatusName

_STATUSES = "backlogged, queued, scheduled, processing, sampling, completed, failed, cancelled"


@click.group("jobs")
def command() -> None:
    """List, show, watch and cancel jobs."""


@command.command("list")
@click.option("--status", metavar="STATUS", help=f"Only of this status: {_STATUSES}.")
@click.option("--types", metavar="TYPES", help="Only of these types, comma-separated.")
@LIMIT
@with_client
def list_(
    status: StatusName | None,
    types: str | None,
    limit: int,
    client: Ringback,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    page = client.jobs.list(limit=limit, status=status, types=types.split(",") if types else None)
    print_page(page, job_line, as_json=as_json, empty="No jobs; ringback generate makes one.")


@command.command("show")
@click.argument("job_id", metavar="ID")
@with_client
def show(job_id: str, client: Ringback, as_json: bool) -> None:
    """Show a job's present state."""
    _print(client.jobs.get(job_id), as_json=as_json)


@command.command("watch")
@click.argument("job_id", metavar="ID")
@TIMEOUT
@with_client
def watch(job_id: str, timeout_s: float | None, client: Ringback, as_json: bool) -> int:
    """Follow a job until it has ended.

    A terminal shows a bar; anything else gets a line for every change. The exit status is 3 for a
    job that failed or was cancelled.
    """
    has_bar = sys.stderr.isatty()

    def show_update(job: Job) -> None:
        if as_json:
            print_json(job_members(job))
        elif not has_bar and not job.is_terminal:
            print_lines([f"{job.progress or 0.0:4.0%}  {job.status}"])

    job = client.jobs.wait(
        job_id, timeout=timeout_s, check=False, progress=has_bar, on_update=show_update
    )
    if not as_json:
        print_lines(job_lines(job))
    return Status.WELL if job.status == "completed" else Status.JOB_ENDED


@command.command("cancel")
@click.argument("job_id", metavar="ID")
@with_client
def cancel(job_id: str, client: Ringback, as_json: bool) -> int:
    """Cancel a job that has not ended.

    The exit status is 1 when it had completed or failed before.
    """
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
