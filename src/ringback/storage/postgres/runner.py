"""Runs a transaction script on a connection: each statement is awaited, its rows sent back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from ringback.storage.postgres.connections import Connection
from ringback.storage.postgres.statement_batches import TRANSACTION_ID, as_one
from ringback.storage.postgres.statements import STATEMENTS
from ringback.storage.transactions.work import Batch, Result, Rows, Statement, TransactionScript


async def run(connection: Connection, work: TransactionScript[Result]) -> Result:
    """Run the script and return its result."""
    return await _do(work, partial(_rows_of, connection))


class Transaction:
    """Runs scripts in one transaction; its id comes along with the first statement's rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.id: str | None = None  # no statement has run yet

    async def run(self, work: TransactionScript[Result]) -> Result:
        """Run the script and return its result."""
        return await _do(work, self._rows_of)

    async def _rows_of(self, statement: Statement | Batch) -> Rows:
        if self.id is not None:
            return await _rows_of(self._connection, statement)
        statements = statement.statements if isinstance(statement, Batch) else (statement,)
        ids, *found = await _execute_as_one(self._connection, ((TRANSACTION_ID, {}), *statements))
        ((self.id,),) = ids
        return [tuple(found)] if isinstance(statement, Batch) else found[0]


async def _do(
    work: TransactionScript[Result], rows_of: Callable[[Statement | Batch], Awaitable[Rows]]
) -> Result:
    try:
        statement = next(work)
        while True:
            statement = work.send(await rows_of(statement))
    except StopIteration as done:
        result: Result = done.value
        return result


async def _rows_of(connection: Connection, statement: Statement | Batch) -> Rows:
    if isinstance(statement, Batch):
        return [tuple(await _execute_as_one(connection, statement.statements))]
    name, bound = statement
    ready = STATEMENTS[name]
    records = await connection.fetch(ready.text, *ready.arguments(bound))
    return [tuple(record) for record in records]


async def _execute_as_one(connection: Connection, statements: tuple[Statement, ...]) -> list[Rows]:
    one = as_one(tuple(name for name, _ in statements))
    (found,) = await connection.fetch(one.text, *one.arguments([bound for _, bound in statements]))
    return [
        [] if at is None else [tuple(record) for record in found[at] or ()] for at in one.columns
    ]
