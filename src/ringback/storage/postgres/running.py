"""Running work on a connection: each statement awaited, its rows sent back."""

from __future__ import annotations

from ringback.storage.postgres.connecting import Connection
from ringback.storage.postgres.statements import STATEMENTS
from ringback.storage.sql.work import Ask, Result, Rows, Work


async def execute(connection: Connection, ask: Ask) -> Rows:
    """Return the rows of a named statement."""
    name, bound = ask
    statement = STATEMENTS[name]
    records = await connection.fetch(statement.text, *statement.arguments(bound))
    return [tuple(record) for record in records]


async def run(connection: Connection, work: Work[Result]) -> Result:
    """Do the work and return its result."""
    try:
        ask = next(work)
        while True:
            ask = work.send(await execute(connection, ask))
    except StopIteration as done:
        result: Result = done.value
        return result
