"""Group commit: many callers share one transaction.

A transaction function works on a list of items. While one transaction is under way, callers queue
up. The next transaction takes all of them, runs each function once with all its items, and answers
its callers together when it is durable: one sync of the disk, or one round trip, serves them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ringback.errors import StorageUnavailable
from ringback.storage.transactions.work import TransactionFunction

_GROUP_MAX = 512  # bounds how long the event loop is busy and how long rows stay locked


class Call(NamedTuple):
    """A caller that waits for a transaction function's result for its item."""

    function: TransactionFunction
    item: Any
    future: asyncio.Future[Any]
    since: float


class Results(NamedTuple):
    """The results of a transaction function, one per caller."""

    function: TransactionFunction
    calls: Sequence[Call]
    results: Sequence[Any]

    def settle(self) -> None:
        """Give the callers their results; an exception among these is raised to its caller."""
        for (_, _, future, _), result in zip(self.calls, self.results, strict=True):
            if not future.done():  # else its caller was cancelled meanwhile
                _settle(future, result)


class Driver(Protocol):
    """Runs transactions on one connection, one after the other."""

    async def commit(
        self, group: Sequence[Call], has_waiting: Callable[[], bool], /
    ) -> list[Results]:
        """Run the functions of a group in one transaction; return when it is durable.

        ``has_waiting`` says whether another transaction will follow at once.
        """

    def refusal(self, exc: Exception) -> Exception:
        """Return the error that callers get for an exception of the database's library."""

    async def close(self) -> None:
        """Let go of the connection."""


class GroupCommit:
    """Runs transaction functions by a driver; a call returns when its commit is durable."""

    def __init__(self, driver: Driver, *, monotonic: Callable[[], float]) -> None:
        self._driver = driver
        self._monotonic = monotonic
        self._waiting: list[Call] = []
        self._again: list[Sequence[Call]] = []  # parts of groups that failed as a whole
        self._task: asyncio.Task[None] | None = None
        self.commits_count = 0

    async def call(self, function: TransactionFunction, item: Any) -> Any:
        """Return the function's result for this item, committed, or raise its refusal."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Call(function, item, future, self._monotonic()))
        if self._task is None or self._task.done():
            # It begins in the loop's next turn: callers that are ready now share the transaction.
            self._task = asyncio.create_task(self._run())
        return await future

    async def idle(self) -> None:
        """Return when no caller waits and no transaction is under way."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Finish the accepted calls, then let go of the connection."""
        await self.idle()
        await self._driver.close()

    def cut(self) -> None:
        """Stop at once; the callers are not answered."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while group := self._next_group():
            try:
                done = await self._driver.commit(group, self._has_waiting)
            except Exception as exc:  # noqa: BLE001 - it is raised to the callers
                self._fail(group, exc)
                continue
            self.commits_count += 1
            for results in done:
                results.settle()

    def _next_group(self) -> Sequence[Call]:
        if self._again:
            return self._again.pop()
        group, self._waiting = self._waiting[:_GROUP_MAX], self._waiting[_GROUP_MAX:]
        return group

    def _has_waiting(self) -> bool:
        return bool(self._waiting)

    def _fail(self, group: Sequence[Call], exc: Exception) -> None:
        if len(group) > 1 and not isinstance(exc, StorageUnavailable):
            # One poisonous item must not fail its neighbours: halves, until it is alone.
            middle = len(group) // 2
            self._again += [group[middle:], group[:middle]]
            return
        refusal = self._driver.refusal(exc)
        for call in group:
            if not call.future.done():
                call.future.set_exception(refusal)


def by_function(
    group: Iterable[Call],
) -> Iterable[tuple[TransactionFunction, list[Call], list[Any]]]:
    """Return each function of a group with its callers and their items."""
    calls_of: dict[TransactionFunction, list[Call]] = {}
    for call in group:
        calls_of.setdefault(call.function, []).append(call)
    return [
        (function, calls, [call.item for call in calls]) for function, calls in calls_of.items()
    ]


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
