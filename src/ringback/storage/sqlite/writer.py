"""Group commit: many callers share one synced transaction.

A verb is work for a list of items. While one transaction is being synced,
callers queue up; the next takes all of them, each verb once with all its items, and answers them
together when its commit is on disk. One fsync serves everybody who waited.

The statements themselves run in the event loop: each takes microseconds, and a thread would wait
for the interpreter's lock after every one of them. Only the commit, which waits for the disk, has
a thread.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import apsw

from ringback.errors import RingbackError, StorageFull
from ringback.storage.sql.work import Verb
from ringback.storage.sqlite.commits import Commits
from ringback.storage.sqlite.running import run

Waiting = tuple[Verb, Any, "asyncio.Future[Any]"]
Answers = list[tuple["asyncio.Future[Any]", Any]]

_GROUP_MAX = 512  # bounds how long the event loop is kept from its other work
_BUSY_AGAIN_S = 0.005


class Writer:
    """Runs verbs on one connection; a call returns when its commit is on disk."""

    def __init__(
        self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop, commits: Commits
    ) -> None:
        self._connection = connection
        # Another process may be writing; the event loop does not wait for it, but looks again.
        self._connection.set_busy_timeout(0)
        self._loop = loop
        self._waiting: list[Waiting] = []
        self._again: list[list[Waiting]] = []  # parts of groups that failed as a whole
        self._is_under_way = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._commits = commits
        self.commits_count = 0

    async def call(self, verb: Verb, item: Any) -> Any:
        """Return the verb's result for this item, committed and synced, or raise its refusal."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((verb, item, future))
        if not self._is_under_way:
            self._is_under_way = True
            self._idle.clear()
            # Soon, and not now: whoever else is ready to write shall share the transaction.
            self._loop.call_soon(self._next_group)
        return await future

    async def stop(self) -> None:
        """Finish what was accepted, then let the commits end."""
        await self._idle.wait()
        await self._commits.stop()

    def _next_group(self) -> None:
        if self._again:
            self._begin(self._again.pop())
            return
        group, self._waiting = self._waiting[:_GROUP_MAX], self._waiting[_GROUP_MAX:]
        if group:
            self._begin(group)
        else:
            self._is_under_way = False
            self._idle.set()

    def _begin(self, group: list[Waiting]) -> None:
        """Write the group's rows and hand the transaction over to be synced."""
        try:
            self._connection.execute("begin immediate")
        except apsw.BusyError:
            self._loop.call_later(_BUSY_AGAIN_S, self._begin, group)
            return
        except Exception as exc:  # noqa: BLE001 - the callers are told
            self._failed(group, exc)
            return
        try:
            answers = self._write(group)
        except Exception as exc:  # noqa: BLE001 - whatever broke is each caller's own answer
            self._roll_back()
            self._failed(group, exc)
        else:
            self._commits.commit(partial(self._synced, group, answers))

    def _write(self, group: list[Waiting]) -> Answers:
        by_verb: dict[Verb, list[Waiting]] = {}
        for waiting in group:
            by_verb.setdefault(waiting[0], []).append(waiting)
        answers: Answers = []
        for verb, asking in by_verb.items():
            results = run(self._connection, verb([item for _, item, _ in asking]))
            answers += zip((future for _, _, future in asking), results, strict=True)
        return answers

    def _synced(self, group: list[Waiting], answers: Answers, failure: Exception | None) -> None:
        if failure is not None:
            self._roll_back()
            self._failed(group, failure)
            return
        self.commits_count += 1
        settle(answers)
        self._next_group()

    def _failed(self, group: list[Waiting], exc: Exception) -> None:
        if len(group) == 1:
            settle([(group[0][2], _refusal(exc))])
        else:
            # One poisonous item must not fail its neighbours: halves, until it is alone.
            middle = len(group) // 2
            self._again += [group[middle:], group[:middle]]
        # Soon, and not now: a whole group may fail one by one, and the stack is not endless.
        self._loop.call_soon(self._next_group)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # whatever broke the transaction may break this too
                self._connection.execute("rollback")


def settle(answers: Answers) -> None:
    """Give the callers their results."""
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
