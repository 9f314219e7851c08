"""The base of the SQL stores: reads, and transactions that share commits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial
from typing import Any, TypeVar

from ringback.storage.transactions.outbox_writes import IdFactory
from ringback.storage.transactions.work import Result, Rows, TransactionScript, one, run_each

Item = TypeVar("Item")

Transaction = Callable[[Sequence[Item]], TransactionScript[Sequence[Result | Exception]]]


class SqlBase(ABC):
    """A SQL database for the stores of single ports; the ports document their methods."""

    _id_factory: IdFactory

    @abstractmethod
    async def _read(self, name: str, **bindings: Any) -> Rows:
        """Return the rows of a look-up by key, which takes microseconds."""

    @abstractmethod
    async def _snapshot(
        self, work: Callable[[], TransactionScript[Result]], *, is_long: bool = False
    ) -> Result:
        """Return the result of reads that see one moment of the database and may take longer.

        One that ``is_long`` may read every row.
        """

    @abstractmethod
    async def _call(self, transaction: Transaction[Item, Result], item: Item) -> Result:
        """Return the transaction's result for this item, committed, or raise its refusal."""

    @cached_property
    def _with_ids(self) -> Callable[[Callable[..., Any]], Any]:
        """Bind the id factory to a transaction, once: calls are grouped by its identity."""
        return cache(lambda transaction: partial(transaction, id_factory=self._id_factory))

    async def _scan(self, name: str, **bindings: Any) -> Rows:
        """Return the rows of a read that may take longer than a look-up."""
        return await self._snapshot(lambda: one(name, bindings))

    async def _write(self, name: str, **bindings: Any) -> Rows:
        """Run one writing statement; returns its rows."""
        return await self._call(run_each, (name, bindings))
