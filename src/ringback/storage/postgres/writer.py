"""The group-commit driver of PostgreSQL: one connection, one transaction after the other.

A failure ends in one of these ways:

- a deadlock or a serialization failure: nothing of it is there, and it is run again;
- the connection breaks before the commit was sent: the same, on a new connection;
- it breaks while the commit was under way: the server says, by the transaction's id, whether
  it was committed. If so, its results hold; if not, the group is run again. So no transaction
  function has to be safe to repeat, and none is run twice;
- the server stays away: after a while the callers get ``StorageUnavailable``;
- anything else is raised, and the group's items are tried alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from ringback.clock import Clock
from ringback.concurrency.deadline import Deadline
from ringback.log import get_logger
from ringback.storage.postgres import errors
from ringback.storage.postgres.connections import Connection, Server, close, cut_at
from ringback.storage.postgres.errors import Failure, meaning_of, unavailable
from ringback.storage.postgres.outage import Outage
from ringback.storage.postgres.runner import Transaction
from ringback.storage.transactions.group_commit import Call, Results, by_function
from ringback.storage.transactions.work import TransactionFunction

log = get_logger(__name__)

Committed = Callable[[TransactionFunction, list[Any], Sequence[Any]], None]
"""Called for each function of a committed transaction, with its items and results."""

_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0
_AGAIN_MAX = 20
_TRY_S = 1.0  # a group is tried for that long, however long its callers have waited for their turn


class _CommitUnknown(Exception):
    """The connection broke while a commit was under way."""

    def __init__(self, transaction_id: str, results: list[Results]) -> None:
        super().__init__(transaction_id)
        self.transaction_id = transaction_id
        self.results = results


class PostgresWriter:
    """Runs transactions on a connection of its own, which it replaces when it breaks."""

    def __init__(
        self,
        server: Server,
        *,
        clock: Clock,
        committed: Committed,
        outage: Outage,
        patience_s: float,
    ) -> None:
        self._server = server
        self._clock = clock
        self._committed = committed
        self._outage = outage
        self._patience_s = patience_s
        self._connection: Connection | None = None
        self._is_begun = False  # by the commit before

    async def commit(self, group: Sequence[Call], has_waiting: Callable[[], bool]) -> list[Results]:
        """Run the functions of a group in one transaction, again if need be, and commit it."""
        all_results = await self._until_committed(group, has_waiting)
        for function, calls, results in all_results:
            self._committed(function, [call.item for call in calls], results)
        return all_results

    def refusal(self, exc: Exception) -> Exception:
        """Return ``StorageFull`` for a full disk, and other errors as they are."""
        return errors.refusal(exc)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await close(self._connection)

    def cut(self) -> None:
        """Break the connection off."""
        if self._connection is not None:
            self._connection.terminate()

    async def _until_committed(
        self, group: Sequence[Call], has_waiting: Callable[[], bool]
    ) -> list[Results]:
        deadline = self._deadline_of(group)
        pause_s, conflicts = _PAUSE_S, 0
        while True:
            try:
                connection = await self._connected(deadline)
                with cut_at(deadline, connection):
                    return await self._commit_on(connection, group, has_waiting)
            except _CommitUnknown as exc:
                self._outage.failed(exc)
                if await self._was_committed(exc.transaction_id, deadline):
                    return exc.results
            except Exception as exc:
                match self._meaning_of(exc):
                    case Failure.REFUSED:
                        self._outage.heard()
                        raise
                    case Failure.AGAIN:
                        self._outage.heard()
                        conflicts += 1
                        if conflicts > _AGAIN_MAX:
                            raise
                    case Failure.LOST:
                        self._lose(deadline, exc)
                        await self._clock.sleep(pause_s)
                        pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    def _deadline_of(self, group: Sequence[Call]) -> Deadline:
        """Return when the group's callers get ``StorageUnavailable``: all at one time."""
        waited_s = self._clock.monotonic() - min(call.since for call in group)
        left_s = max(_TRY_S, self._patience_s - waited_s)
        return Deadline(left_s, self._clock.monotonic)

    async def _commit_on(
        self, connection: Connection, group: Sequence[Call], has_waiting: Callable[[], bool]
    ) -> list[Results]:
        if not self._is_begun:
            await connection.execute(self._server.begin)
        self._is_begun = False
        transaction = Transaction(connection)
        try:
            results = [
                Results(function, calls, await transaction.run(function(items)))
                for function, calls, items in by_function(group)
            ]
        except BaseException:
            await self._roll_back(connection)
            raise
        # Callers that wait already get the transaction that this round trip begins.
        chains = has_waiting() and not self._server.is_pooled
        try:
            await connection.execute("commit and chain" if chains else "commit")
        except Exception as exc:
            if chains:
                connection.terminate()  # nobody knows whether it has begun another
            if self._meaning_of(exc) is Failure.LOST:
                self._drop()
                if transaction.id is not None:
                    raise _CommitUnknown(transaction.id, results) from exc
                return results  # nothing was written
            raise
        self._is_begun = chains
        self._outage.heard()
        return results

    async def _was_committed(self, transaction_id: str, deadline: Deadline) -> bool:
        """Ask the server whether a transaction was committed whose commit was not answered."""
        while True:
            try:
                connection = await self._connected(deadline)
                # Behind a pooler statements share a process only within a transaction.
                with cut_at(deadline, connection):
                    async with connection.transaction():
                        status = await connection.fetchval(
                            "select pg_xact_status($1::text::xid8)", transaction_id
                        )
            except asyncpg.InvalidParameterValueError:
                return False  # a server that took over and never heard of it
            except Exception as exc:
                if self._meaning_of(exc) is Failure.REFUSED:
                    raise
                self._lose(deadline, exc)
            else:
                self._outage.heard()
                if status != "in progress":
                    log.warning("commit_resolved", outcome=status or "unknown")
                    return bool(status == "committed")
            await self._clock.sleep(_PAUSE_S)

    async def _connected(self, deadline: Deadline) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._server.connect(plans=True, timeout_s=deadline.left_s)
            self._is_begun = False
        return self._connection

    async def _roll_back(self, connection: Connection) -> None:
        try:
            await connection.execute("rollback")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._drop()

    def _meaning_of(self, exc: Exception) -> Failure:
        is_closed = self._connection is None or self._connection.is_closed()
        return meaning_of(exc, is_closed=is_closed)

    def _lose(self, deadline: Deadline, exc: Exception) -> None:
        """Let the broken connection go; after the deadline raise ``StorageUnavailable``."""
        self._outage.failed(exc)
        self._drop()
        if not deadline.left_s:
            raise unavailable() from exc

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if not self._outage.is_on:  # an outage is one event, not one for each connection
                log.warning("database_lost")
            connection.terminate()
