"""What every part of the store stands on: the writer, and readers beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import apsw

from ringback.storage.sqlite import job_verbs
from ringback.storage.sqlite.owing import Mint
from ringback.storage.sqlite.writer import Writer

Result = TypeVar("Result")


class SqliteBase:
    """The connections of a store, and what is done through them."""

    _connection: apsw.Connection
    _writer: Writer
    _reader: apsw.Connection  # for lookups by key, which take microseconds and are done in place
    _scanner: apsw.Connection  # for whatever may take longer, in a thread
    _scans: ThreadPoolExecutor
    _mint: Mint

    def _read(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._reader.execute(statement, bindings).fetchall()
        return rows

    async def _scan(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        def scan(reader: apsw.Connection) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = reader.execute(statement, bindings).fetchall()
            return rows

        return await self._look(scan)

    async def _look(self, look: Callable[[apsw.Connection], Result]) -> Result:
        """Return what a function finds by a reader in the scans' thread, all at one moment."""

        def at_one_moment() -> Result:
            self._scanner.execute("begin")
            try:
                return look(self._scanner)
            finally:
                self._scanner.execute("rollback")

        return await asyncio.get_running_loop().run_in_executor(self._scans, at_one_moment)

    async def _write(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await self._writer.call(
            job_verbs.run_each, (statement, bindings)
        )
        return rows
