"""``ringback open`` opens a job's result in the browser or viewer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import Status
from ringback.cli.console.output import print_json, print_lines, talk

if TYPE_CHECKING:
    from ringback import Ringback

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@click.command("open")
@click.argument("job_id", metavar="JOB")
@with_client
def command(job_id: str, client: Ringback, as_json: bool) -> int:
    """Open a job's result in the browser or viewer.

    Without one, the result's address is printed.
    """
    from ringback.client.errors import JobCancelled, JobFailed

    job = client.jobs.get(job_id)
    if job.status in ("failed", "cancelled"):
        raise (JobFailed if job.status == "failed" else JobCancelled)(job)
    # The server chooses the URLs, so only web addresses are passed to another program.
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
    """Say whether a window can be opened: on a display, or by the program in ``BROWSER``."""
    if platform in ("darwin", "win32"):
        return True
    return any(environment.get(name) for name in _DISPLAYS)


def _open(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
