"""Saves a job's results under the requested names, and shows them where possible."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.console.pictures.protocols import Protocol, protocol_of

if TYPE_CHECKING:
    from ringback import Job

_SHOWN_MAX = 4
AUTO = "auto"

SHOW = click.option(
    "--show",
    type=click.Choice([AUTO, *(one.value for one in Protocol), "none"]),
    default=AUTO,
    help="How the picture is shown in this terminal; auto, if it is known to be able to.",
)


def save_results(job: Job, target: str) -> list[Path]:
    """Save a job's results as a file or into a directory; return their paths.

    ``target`` is a directory if it exists or ends with a slash. Otherwise the first result gets
    that name, and further ones get a number before the suffix. Each file is written completely
    or not at all. Raises ``SaveFailed``.
    """
    output = Path(target)
    if output.is_dir() or target.endswith((os.sep, "/")):
        return list(job.save(output))
    from ringback.client.errors import SaveFailed

    saved: list[Path] = []
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ringback-", dir=output.parent) as directory:
            for number, path in enumerate(job.save(directory), 1):
                saved.append(path.replace(_numbered(output, number)))
    except OSError as exc:
        raise SaveFailed(f"{output} cannot be written: {exc.strerror}.") from exc
    return saved


def _numbered(output: Path, number: int) -> Path:
    return output if number == 1 else output.with_stem(f"{output.stem}-{number}")


def protocol_for(show: str) -> Protocol | None:
    """Return the protocol for pictures on standard output, or None to show none."""
    if show == "none" or not sys.stdout.isatty():
        return None
    return protocol_of(os.environ, is_terminal=True) if show == AUTO else Protocol(show)


def show_results(job: Job, saved: Sequence[Path], protocol: Protocol) -> None:
    """Show a job's pictures, from the saved files or else after a download."""
    from ringback.cli.console.pictures.show import show_picture

    if saved:
        for path in saved[:_SHOWN_MAX]:
            show_picture(path, protocol)
        return
    with tempfile.TemporaryDirectory(prefix="ringback-") as directory:
        for path in list(job.save(directory))[:_SHOWN_MAX]:
            show_picture(path, protocol)
