"""Runs a transaction script on a connection, one statement after the other without a pause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from ringback.storage.mapping.rows import as_json
from ringback.storage.sqlite.statements import STATEMENTS
from ringback.storage.transactions.work import Batch, Result, Rows, Statement, TransactionScript


def execute(connection: apsw.Connection, name: str, bindings: Mapping[str, Any]) -> Rows:
    """Return the rows of a named statement; lists are sent as JSON, which it unfolds."""
    sent = {key: as_json(it) if type(it) is list else it for key, it in bindings.items()}
    rows: Rows = connection.execute(STATEMENTS[name], sent).fetchall()
    return rows


def _rows_of(connection: apsw.Connection, statement: Statement | Batch) -> Rows:
    if isinstance(statement, Batch):  # SQLite has no way to run them as one
        return [tuple(execute(connection, *each) for each in statement.statements)]
    return execute(connection, *statement)


def run(connection: apsw.Connection, work: TransactionScript[Result]) -> Result:
    """Run the script and return its result."""
    try:
        statement = next(work)
        while True:
            statement = work.send(_rows_of(connection, statement))
    except StopIteration as done:
        result: Result = done.value
        return result
