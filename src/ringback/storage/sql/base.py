"""What every part of a store stands on: reads, and verbs that share transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ringback.storage.sql.owing import Mint
from ringback.storage.sql.work import Result, Rows, Verb, Work, one, run_each


class SqlBase(ABC):
    """A database, as the parts of a store see it."""

    _mint: Mint

    @abstractmethod
    async def _read(self, name: str, **bindings: Any) -> Rows:
        """Return the rows of a look-up by key, which takes microseconds."""

    @abstractmethod
    async def _look(self, work: Callable[[], Work[Result]]) -> Result:
        """Return what some reads find, all at one moment; they may take longer."""

    @abstractmethod
    async def _call(self, verb: Verb, item: Any) -> Any:
        """Return the verb's result for this item, committed and synced, or raise its refusal."""

    async def _scan(self, name: str, **bindings: Any) -> Rows:
        """Return the rows of a read that may take longer than a look-up."""
        return await self._look(lambda: one(name, bindings))

    async def _write(self, name: str, **bindings: Any) -> Rows:
        """Run one writing statement; returns its rows."""
        rows: Rows = await self._call(run_each, (name, bindings))
        return rows
