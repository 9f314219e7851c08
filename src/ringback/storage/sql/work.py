"""Work on a database without the database: a generator yields statements and is sent their rows.

So each verb is written once. SQLite runs it in one go, PostgreSQL awaits every statement; what the
statements say is each store's own, in .sql files under the same names. A list that is bound to a
statement is many rows (of tuples) or many values, and each store has its way to send them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")

Rows = list[tuple[Any, ...]]
Ask = tuple[str, Mapping[str, Any]]
"""A statement's name, like ``jobs.get_job``, and its bindings."""


class Together(NamedTuple):
    """Statements of which none reads or writes a row that another of them writes.

    A store may send them as one. One row comes back, whose columns are the rows of each.
    """

    asks: tuple[Ask, ...]


Work = Generator[Ask | Together, Rows, Result]

Verb = Callable[[Sequence[Any]], Work[Sequence[Any]]]
"""Does its work for all items; returns one result each, or an exception for those it refuses."""


def first(rows: Rows) -> tuple[Any, ...] | None:
    """Return the only row, or None when there is none."""
    return rows[0] if rows else None


def one(name: str, bindings: Mapping[str, Any]) -> Work[Rows]:
    """Run a single statement; returns its rows."""
    return (yield name, bindings)


def together(*asks: Ask | None) -> Work[list[Rows]]:
    """Run statements that do not concern each other; returns the rows of each that there is."""
    there = tuple(ask for ask in asks if ask is not None)
    if not there:
        return []
    if len(there) == 1:
        return [(yield there[0])]
    (found,) = yield Together(there)
    return list(found)


def run_each(items: Sequence[Ask]) -> Work[list[Rows]]:
    """Run plain statements, each with its bindings; returns the rows of each."""
    results = []
    for name, bindings in items:
        results.append((yield name, bindings))
    return results
