"""``ringback open``: a job's result in the browser or viewer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import Status
from ringback.cli.options import AS_JSON
from ringback.cli.output import print_json, print_lines, talk

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@click.command("open")
@click.argument("job_id", metavar="JOB")
@connection
@AS_JSON
def command(job_id: str, url: str | None, token: str | None, as_json: bool) -> int:
    """Open a job's result in the browser or viewer.

    Where there is none, the result's address is printed.
    """
    from ringback.client.errors import JobCancelled, JobFailed

    with client_of(url, token) as client:
        job = client.jobs.get(job_id)
    if job.status in ("failed", "cancelled"):
        raise (JobFailed if job.status == "failed" else JobCancelled)(job)
    # A server names its results; only addresses of the web are handed to another program.
    urls = [one for one in job.urls if one.startswith(("https://", "http://"))]
    if not urls:
        raise click.ClickException(
            f"Job {job_id} is {job.status} and has no result to open; "
            f"ringback jobs watch {job_id} follows it."
        )
    is_opened = has_viewer(os.environ, sys.platform) and _open(urls[0])
    if as_json:
        print_json({"job_id": job.job_id, "urls": urls, "opened": is_opened})
    elif is_opened:
        talk(f"Opened {urls[0]}")
    else:
        talk("Nothing here opens it; this is its address:")
    if not as_json and not is_opened:
        print_lines(urls)
    return Status.WELL


def has_viewer(environment: Mapping[str, str], platform: str) -> bool:
    """Say whether a window may be opened: on a screen, or by what ``BROWSER`` names."""
    if platform in ("darwin", "win32"):
        return True
    return any(environment.get(name) for name in _DISPLAYS)


def _open(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
