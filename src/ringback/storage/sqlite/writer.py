"""Group commit: one thread that writes, and many callers that share its synced transactions.

A verb is a function of a transaction and a list of items. While one transaction is being synced,
callers queue up; the next transaction takes all of them, each verb once with all its items, and
answers them together when the commit has returned. One fsync serves everybody who waited.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import apsw

from ringback.errors import RingbackError, StorageFull

Verb = Callable[[apsw.Connection, Sequence[Any]], Sequence[Any]]
"""Does its work for all items; returns one result each, or an exception for those it refuses."""

_Waiting = tuple[Verb, Any, "asyncio.Future[Any]"]

_GROUP_MAX = 512  # bounds how long the first in a group waits for the last


class Writer:
    """Runs verbs on one connection in one thread; a call returns when its commit is on disk."""

    def __init__(self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._inbox: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ringback-writer", daemon=True)
        self._thread.start()
        self.commits_count = 0

    async def call(self, verb: Verb, item: Any) -> Any:
        """Return the verb's result for this item, committed and synced, or raise its refusal."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._inbox.put((verb, item, future))
        return await future

    def stop(self) -> None:
        """Finish what was accepted, then end the thread."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            group: list[_Waiting] = []
            waiting = self._inbox.get()
            while waiting is not None:
                group.append(waiting)
                if len(group) == _GROUP_MAX:
                    break
                try:
                    waiting = self._inbox.get_nowait()
                except Empty:
                    break
            else:
                stopping = True
            if group:
                self._answer(self._commit(group))

    def _commit(self, group: list[_Waiting]) -> list[tuple[asyncio.Future[Any], Any]]:
        by_verb: dict[Verb, list[_Waiting]] = {}
        for waiting in group:
            by_verb.setdefault(waiting[0], []).append(waiting)
        try:
            return self._transaction(by_verb)
        except Exception as exc:  # noqa: BLE001 - whatever broke is each caller's own answer
            if len(group) == 1:
                return [(group[0][2], _refusal(exc))]
            # One poisonous item must not fail its neighbours: everybody again, one by one.
            return [
                answer
                for verb, item, future in group
                for answer in self._commit([(verb, item, future)])
            ]

    def _transaction(
        self, by_verb: dict[Verb, list[_Waiting]]
    ) -> list[tuple[asyncio.Future[Any], Any]]:
        connection = self._connection
        connection.execute("begin immediate")
        try:
            answers: list[tuple[asyncio.Future[Any], Any]] = []
            for verb, waiting in by_verb.items():
                results = verb(connection, [item for _, item, _ in waiting])
                answers += zip((future for _, _, future in waiting), results, strict=True)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        self.commits_count += 1
        return answers

    def _answer(self, answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
        # The loop may be gone if its program ended without closing the store.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answers:
        if future.done():  # its caller was cancelled meanwhile
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def _refusal(exc: Exception) -> Exception:
    if isinstance(exc, RingbackError):
        return exc
    if isinstance(exc, apsw.FullError) or (
        isinstance(exc, apsw.IOError)
        and getattr(exc, "extendedresult", None) == apsw.SQLITE_IOERR_WRITE
    ):
        return StorageFull("The disk is full: free some space on the data directory's disk.")
    return exc
