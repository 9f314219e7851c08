"""What every part of the store stands on: the writer, and readers beside it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apsw

from ringback.storage.sqlite import job_verbs
from ringback.storage.sqlite.owing import Mint
from ringback.storage.sqlite.writer import Writer


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
        def scan() -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = self._scanner.execute(statement, bindings).fetchall()
            return rows

        return await asyncio.get_running_loop().run_in_executor(self._scans, scan)

    async def _write(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await self._writer.call(
            job_verbs.run_each, (statement, bindings)
        )
        return rows
