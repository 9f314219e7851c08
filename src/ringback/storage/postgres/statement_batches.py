"""Several statements sent as one, so that they cost one round trip."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct

from ringback.storage.postgres.statements import STATEMENTS, Statement, made_ready

TRANSACTION_ID = "transaction_id"
"""The name of the statement that says which transaction this is."""

STATEMENTS[TRANSACTION_ID] = made_ready("select pg_current_xact_id()::text as id")

_PARAMETER = re.compile(r"\$(\d+)")
_WRITES = re.compile(r"^(insert|update|delete)\b", re.MULTILINE)
_RETURNS = re.compile(r"^\s*returning\b", re.MULTILINE)


class AsOne(Struct, frozen=True):
    """Several statements as one; its only row has an array of the rows of each."""

    text: str
    statements: tuple[Statement, ...]
    columns: tuple[int | None, ...]  # where the rows of each are; None: it gives none

    def arguments(self, bound: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the parameters' values, those of one statement after the other."""
        pairs = zip(self.statements, bound, strict=True)
        return [value for statement, values in pairs for value in statement.arguments(values)]


@cache
def as_one(names: tuple[str, ...]) -> AsOne:
    """Return named statements as one; none of them sees the changes of the others."""
    statements = tuple(STATEMENTS[name] for name in names)
    parts: list[str] = []
    columns: list[int | None] = []
    selected: list[str] = []
    bindings_count = 0
    for at, statement in enumerate(statements, 1):
        parts.append(f"part_{at} as (\n{_shifted(statement.text, bindings_count)}\n)")
        bindings_count += len(statement.bindings)
        if _gives_rows(statement.text):
            columns.append(len(selected))
            selected.append(f"(select array_agg(part_{at}) from part_{at})")  # noqa: S608
        else:
            columns.append(None)
    text = f"with {', '.join(parts)} select {', '.join(selected) or '1'}"  # of our own alone
    return AsOne(text, statements, tuple(columns))


def _shifted(text: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", text)


def _gives_rows(text: str) -> bool:
    return _WRITES.search(text) is None or _RETURNS.search(text) is not None
