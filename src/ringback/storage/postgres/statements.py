"""The statements of the .sql files, made ready for the server.

``:name`` is a binding. ``{rows: id text, epoch bigint}`` is a table ``r`` of the rows that are
bound to that name: it is sent as one array a column, and unfolded there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ringback.storage.mapping.statements import read_migrations, read_statements

_BINDING = re.compile(r"\{(\w+): ([^}]+)\}|(?<![:\w]):(\w+)")

Binding = tuple[str, int | None]
"""A name, and the column of its rows, or None where it is a plain value."""


class Statement(Struct, frozen=True):
    """A statement with numbered parameters, and the binding of each."""

    text: str
    bindings: tuple[Binding, ...]

    def arguments(self, bound: Mapping[str, Any]) -> list[Any]:
        """Return the parameters' values."""
        columns: dict[str, list[tuple[Any, ...]]] = {}
        values: list[Any] = []
        for name, column in self.bindings:
            if column is None:
                values.append(_storable(bound[name]))
                continue
            if name not in columns:
                columns[name] = list(zip(*bound[name], strict=True))
            # Without rows there are no columns either.
            values.append(columns[name][column] if columns[name] else ())
        return values


def _storable(value: Any) -> Any:
    """Return a value that the server takes: its texts have no NUL, so none is found by one."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return [_storable(one) for one in value] if isinstance(value, list) else value


def made_ready(text: str) -> Statement:
    """Return a statement with numbers in place of its names."""
    numbers: dict[Binding, int] = {}

    def number(binding: Binding) -> str:
        return f"${numbers.setdefault(binding, len(numbers) + 1)}"

    def put(match: re.Match[str]) -> str:
        rows, columns, name = match.groups()
        if name is not None:
            return number((name, None))
        named = [column.split(maxsplit=1) for column in columns.split(",")]
        arrays = [f"{number((rows, at))}::{kind}[]" for at, (_, kind) in enumerate(named)]
        return f"unnest({', '.join(arrays)}) as r ({', '.join(name for name, _ in named)})"

    return Statement(_BINDING.sub(put, text), tuple(numbers))


STATEMENTS = {
    name: made_ready(text) for name, text in read_statements("ringback.storage.postgres").items()
}


# Look-ups that many callers make at once, and their key columns.
GROUPED = {
    "deliveries.is_held": {"delivery_id": "text", "epoch": "bigint"},
    "jobs.get_job": {"job_id": "text"},
    "secrets.keys_of": {"owner": "text"},
    "workspaces.find_token": {"digest": "text"},
    "workspaces.get_workspace": {"workspace_id": "text"},
}


def of_many(statement: Statement, columns: Mapping[str, str]) -> Statement:
    """Return a look-up for many keys.

    Before each row come the place of its key and its own among that key's rows, both from 1.
    """
    numbered = {name: f"r.c{at}" for at, name in enumerate(columns, 1)}
    one = re.sub(
        r"\$(\d+)", lambda at: numbered[statement.bindings[int(at[1]) - 1][0]], statement.text
    )
    arrays = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(columns.values(), 1))
    named = ", ".join(f"c{at}" for at in range(1, len(columns) + 1))
    text = (  # of our own statements alone
        f"select r.place, o.* from unnest({arrays}) with ordinality as r ({named}, place) "  # noqa: S608
        f"cross join lateral (select row_number() over () as nth, q.* from ({one}) q) o "
        "order by r.place, o.nth"
    )
    return Statement(text, tuple(("keys", at) for at in range(len(columns))))


STATEMENTS |= {
    f"{name} of many": of_many(STATEMENTS[name], columns) for name, columns in GROUPED.items()
}


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    return read_migrations("ringback.storage.postgres")
