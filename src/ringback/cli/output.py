"""What commands print: JSON for programs, and lines for people in which nothing is obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from ringback.cli.terminal import visible


def print_json(value: object) -> None:
    """Print a document, or some of the client's structs, as one line of JSON."""
    import msgspec

    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    click.echo(json.dumps(plain, default=_spelled))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of which parts may come from outside."""
    for line in lines:
        click.echo(visible(line))


def talk(sentence: str) -> None:
    """Say something to the person, apart from what was asked for."""
    click.echo(visible(sentence), err=True)


def short_time(at: datetime | None) -> str:
    """Return a time as lists show it."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _spelled(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not for programs")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
