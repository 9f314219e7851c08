"""Input that is given as one JSON object: what no option can say, for its name is another's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

INPUT = click.option(
    "--input",
    "given",
    metavar="JSON",
    help="More input, as a JSON object; @FILE reads it from a file, - from standard input.",
)


def given_input(given: str | None) -> dict[str, Any]:
    """Return the object, empty where none was given; raises ``click.UsageError``."""
    if given is None:
        return {}
    try:
        found = json.loads(_text(given))
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"--input is no JSON ({exc}).") from exc
    except OSError as exc:
        raise click.UsageError(f"--input cannot be read: {exc.strerror}.") from exc
    if not isinstance(found, dict):
        raise click.UsageError('--input is a JSON object, like \'{"prompt": "a fox"}\'.')
    return found


def _text(given: str) -> str:
    if given == "-":
        return sys.stdin.read()
    return Path(given[1:]).read_text("utf-8") if given.startswith("@") else given
