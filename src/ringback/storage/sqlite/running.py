"""Running work on a connection: one statement after the other, without a pause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from ringback.storage.sql.rows import as_json
from ringback.storage.sql.work import Ask, Result, Rows, Together, Work
from ringback.storage.sqlite.statements import STATEMENTS


def execute(connection: apsw.Connection, name: str, bindings: Mapping[str, Any]) -> Rows:
    """Return the rows of a named statement; lists are sent as JSON, which it unfolds."""
    sent = {key: as_json(it) if type(it) is list else it for key, it in bindings.items()}
    rows: Rows = connection.execute(STATEMENTS[name], sent).fetchall()
    return rows


def _answer(connection: apsw.Connection, ask: Ask | Together) -> Rows:
    if isinstance(ask, Together):  # one by one: there is no way that they could share
        return [tuple(execute(connection, *each) for each in ask.asks)]
    return execute(connection, *ask)


def run(connection: apsw.Connection, work: Work[Result]) -> Result:
    """Do the work and return its result."""
    try:
        ask = next(work)
        while True:
            ask = work.send(_answer(connection, ask))
    except StopIteration as done:
        result: Result = done.value
        return result
