"""Running work on a connection: each statement awaited, its rows sent back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from ringback.storage.postgres.connecting import Connection
from ringback.storage.postgres.merging import TRANSACTION_ID, as_one
from ringback.storage.postgres.statements import STATEMENTS
from ringback.storage.sql.work import Ask, Result, Rows, Together, Work


async def run(connection: Connection, work: Work[Result]) -> Result:
    """Do the work and return its result."""
    return await _do(work, partial(_answer, connection))


class Transaction:
    """Work in one transaction, whose id comes along with the first statement's rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.id: str | None = None  # nothing was asked yet

    async def run(self, work: Work[Result]) -> Result:
        """Do the work and return its result."""
        return await _do(work, self._answer)

    async def _answer(self, ask: Ask | Together) -> Rows:
        if self.id is not None:
            return await _answer(self._connection, ask)
        asks = ask.asks if isinstance(ask, Together) else (ask,)
        ids, *found = await _execute_as_one(self._connection, ((TRANSACTION_ID, {}), *asks))
        ((self.id,),) = ids
        return [tuple(found)] if isinstance(ask, Together) else found[0]


async def _do(work: Work[Result], answer: Callable[[Ask | Together], Awaitable[Rows]]) -> Result:
    try:
        ask = next(work)
        while True:
            ask = work.send(await answer(ask))
    except StopIteration as done:
        result: Result = done.value
        return result


async def _answer(connection: Connection, ask: Ask | Together) -> Rows:
    if isinstance(ask, Together):
        return [tuple(await _execute_as_one(connection, ask.asks))]
    name, bound = ask
    statement = STATEMENTS[name]
    records = await connection.fetch(statement.text, *statement.arguments(bound))
    return [tuple(record) for record in records]


async def _execute_as_one(connection: Connection, asks: tuple[Ask, ...]) -> list[Rows]:
    one = as_one(tuple(name for name, _ in asks))
    (found,) = await connection.fetch(one.text, *one.arguments([bound for _, bound in asks]))
    return [
        [] if at is None else [tuple(record) for record in found[at] or ()] for at in one.columns
    ]
