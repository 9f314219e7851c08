"""Prints JSON for programs, and lines without control characters for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringback.cli.console.terminal import visible
from ringback.clock import to_ms
from ringback.wire.document import iso_time

if TYPE_CHECKING:
    from ringback.client.models import Page

T = TypeVar("T")


def print_json(value: object) -> None:
    """Print a document, or some of the client's structs, as one line of JSON."""
    import msgspec

    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    click.echo(json.dumps(plain, default=spelled))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, with control characters escaped: parts may come from outside."""
    for line in lines:
        click.echo(visible(line))


def print_found(found: T, lines: Callable[[T], Iterable[str]], *, as_json: bool) -> None:
    """Print a document as JSON, or its lines."""
    if as_json:
        print_json(found)
    else:
        print_lines(lines(found))


def print_deleted(name: str, resource_id: str, *, as_json: bool) -> None:
    """Print that a resource, like an asset, is deleted."""
    if as_json:
        print_json({"id": resource_id, "deleted": True})
    else:
        talk(f"{name} {resource_id} is deleted.")


def print_page(page: Page[T], line: Callable[[T], str], *, as_json: bool, empty: str) -> None:
    """Print a page of a list, and say if it is empty or not the last."""
    if as_json:
        print_json(page.items)
        return
    print_lines(map(line, page.items))
    if not page.items:
        talk(empty)
    elif page.next_cursor is not None:
        talk("There are more; --limit shows them.")


def talk(sentence: str) -> None:
    """Print a sentence for the user to standard error, apart from the command's output."""
    click.echo(visible(sentence), err=True)


def short_time(at: datetime | None) -> str:
    """Return a time for a list: UTC, to the second."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def spelled(value: Any) -> str:
    """Return a time as the API spells it; raise ``TypeError`` for other values."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not for programs")
    return iso_time(to_ms(value))
