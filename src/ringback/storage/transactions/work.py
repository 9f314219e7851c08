"""Transaction scripts: generators that yield statements and are sent their rows.

So each transaction is written once. SQLite runs it in one go, PostgreSQL awaits every statement;
the statements stand in .sql files. A list that is bound to a statement is many rows (of tuples) or
many values, and each store has its way to send them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

Rows = list[tuple[Any, ...]]
Statement = tuple[str, Mapping[str, Any]]
"""A statement's name, like ``jobs.get_job``, and its bindings."""


class Batch(NamedTuple):
    """Statements of which none reads or writes a row that another of them writes.

    A store may send them as one. One row comes back, whose columns are the rows of each.
    """

    statements: tuple[Statement, ...]


TransactionScript = Generator[Statement | Batch, Rows, Result]

TransactionFunction = Callable[[Sequence[Any]], TransactionScript[Sequence[Any]]]
"""Does its work for all items; returns one result each, or an exception for those it refuses."""


def first(rows: Rows) -> tuple[Any, ...] | None:
    """Return the only row, or None when there is none."""
    return rows[0] if rows else None


def one(name: str, bindings: Mapping[str, Any]) -> TransactionScript[Rows]:
    """Run a single statement; returns its rows."""
    return (yield name, bindings)


def together(*statements: Statement | None) -> TransactionScript[list[Rows]]:
    """Run statements that do not concern each other; returns the rows of each that there is."""
    there = tuple(statement for statement in statements if statement is not None)
    if not there:
        return []
    if len(there) == 1:
        return [(yield there[0])]
    (found,) = yield Batch(there)
    return list(found)


def for_each(
    script: Callable[[*Arguments], TransactionScript[Result]],
) -> Callable[[Sequence[tuple[*Arguments]]], TransactionScript[list[Result]]]:
    """Make a transaction of many items from the script of one; an item is its arguments."""

    @wraps(script)
    def transaction(items: Sequence[tuple[*Arguments]]) -> TransactionScript[list[Result]]:
        results = []
        for item in items:
            results.append((yield from script(*item)))
        return results

    return transaction


run_each = for_each(one)
"""Run plain statements, each with its bindings; returns the rows of each."""
