"""Options that take a JSON object: as text, from a file or from standard input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ringback.wire.texts import read_standard_input, read_text_file

INPUT = click.option(
    "--input",
    "input_text",
    metavar="JSON",
    help="More input, as a JSON object; @FILE reads it from a file, - from standard input.",
)


def input_object(text: str | None, *, option: str = "--input") -> dict[str, Any]:
    """Return the object, empty without a text; raises ``click.UsageError``."""
    if text is None:
        return {}
    try:
        found = json.loads(_read(text))
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"{option} is no JSON ({exc}).") from exc
    except OSError as exc:
        raise click.UsageError(f"{option} cannot be read: {exc.strerror}.") from exc
    if not isinstance(found, dict):
        raise click.UsageError(f'{option} is a JSON object, like \'{{"prompt": "a fox"}}\'.')
    return found


def _read(text: str) -> str:
    if text == "-":
        return read_standard_input()
    return read_text_file(Path(text[1:])) if text.startswith("@") else text
