"""Group commit over a network: many callers share one transaction.

A verb is work for a list of items. While one transaction is under way, callers queue up; the next
takes all of them, each verb once with all its items, and answers them together once it is
committed.

What may go wrong, and what becomes of a group then:

- a deadlock or a serialization failure: nothing of it is there, and it is done again;
- the connection breaks before the commit was sent: the same, on a new connection;
- it breaks while the commit was under way: the server is asked, by the transaction's id, whether
  it was committed. If so, the answers that were worked out hold; if not, the group is done again.
  So no verb has to be safe to repeat, and none is done twice;
- the server stays away: after a while the callers are told ``StorageUnavailable``;
- anything else: each item is tried alone, and the one at fault is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg

from ringback.clock import Clock
from ringback.errors import StorageUnavailable
from ringback.log import get_logger
from ringback.storage.postgres.connecting import Connection, Server, close
from ringback.storage.postgres.errors import Failure, meaning_of, refusal
from ringback.storage.postgres.running import Transaction
from ringback.storage.sql.work import Verb

log = get_logger(__name__)

Waiting = tuple[Verb, Any, "asyncio.Future[Any]"]
Answers = list[tuple["asyncio.Future[Any]", Any]]


class Done(NamedTuple):
    """A verb that was done for some items, and what it said of each."""

    verb: Verb
    asking: list[Waiting]
    results: list[Any]


Committed = Callable[[Verb, list[Any], list[Any]], None]
"""Told of each verb of a committed transaction, its items and its results."""

GROUP_MAX = 512  # bounds how long others wait for the rows that a transaction has locked
_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0
_AGAIN_MAX = 20


class Unknown(Exception):
    """The connection broke while a commit was under way."""

    def __init__(self, transaction_id: str, done: list[Done]) -> None:
        super().__init__(transaction_id)
        self.transaction_id = transaction_id
        self.done = done


class Writer:
    """Runs verbs, each in its lane; a call returns when its commit is on the server's disk.

    A lane is a connection, and one transaction after the other. What takes many statements and
    what takes few have lanes of their own, so that the one does not wait for the other.
    """

    def __init__(
        self,
        server: Server,
        *,
        clock: Clock,
        committed: Committed,
        lane_of: Callable[[Verb], int] = lambda _verb: 0,
        lanes_count: int = 1,
        patience_s: float = 30.0,
    ) -> None:
        self._server = server
        self._clock = clock
        self._committed = committed
        self._patience_s = patience_s
        self._lane_of = lane_of
        self._waiting: list[list[Waiting]] = [[] for _ in range(lanes_count)]
        # Parts of groups that failed as a whole.
        self._again: list[list[list[Waiting]]] = [[] for _ in range(lanes_count)]
        self._wakes = [asyncio.Event() for _ in range(lanes_count)]
        self._stopping = False
        self._connections: list[Connection | None] = [None] * lanes_count
        self._is_begun = [False] * lanes_count  # by the commit before
        self._tasks = [asyncio.create_task(self._serve(lane)) for lane in range(lanes_count)]
        self.commits_count = 0

    async def call(self, verb: Verb, item: Any) -> Any:
        """Return the verb's result for this item, committed, or raise its refusal."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        lane = self._lane_of(verb)
        self._waiting[lane].append((verb, item, future))
        self._wakes[lane].set()
        return await future

    async def stop(self) -> None:
        """Finish what was accepted, then let go of the connections."""
        self._stopping = True
        for wake in self._wakes:
            wake.set()
        await asyncio.gather(*self._tasks)
        for connection in self._connections:
            if connection is not None:
                await close(connection)

    async def _serve(self, lane: int) -> None:
        while True:
            await self._wakes[lane].wait()
            self._wakes[lane].clear()
            # Soon, and not now: whoever else is ready to write shall share the transaction.
            await asyncio.sleep(0)  # noqa: TID251 - it waits for no time to pass
            while group := self._next_group(lane):
                await self._settle(lane, group)
            if self._stopping:
                return

    def _next_group(self, lane: int) -> list[Waiting]:
        if self._again[lane]:
            return self._again[lane].pop()
        waiting = self._waiting[lane]
        self._waiting[lane] = waiting[GROUP_MAX:]
        return waiting[:GROUP_MAX]

    async def _settle(self, lane: int, group: list[Waiting]) -> None:
        """Write a group and give its callers their results, whatever happens meanwhile."""
        try:
            done = await self._until_written(lane, group)
        except Exception as exc:  # noqa: BLE001 - whatever broke is each caller's own answer
            if len(group) == 1 or isinstance(exc, StorageUnavailable):
                settle([(future, refusal(exc)) for _, _, future in group])
            else:
                # One poisonous item must not fail its neighbours: halves, until it is alone.
                middle = len(group) // 2
                self._again[lane] += [group[middle:], group[:middle]]
        else:
            self.commits_count += 1
            for verb, asking, results in done:
                self._committed(verb, [item for _, item, _ in asking], results)
                settle(list(zip((future for _, _, future in asking), results, strict=True)))

    async def _until_written(self, lane: int, group: list[Waiting]) -> list[Done]:
        deadline = self._clock.monotonic() + self._patience_s
        pause_s, conflicts = _PAUSE_S, 0
        while True:
            try:
                return await self._write(lane, group)
            except Unknown as exc:
                if await self._was_committed(lane, exc.transaction_id, deadline):
                    return exc.done
            except Exception as exc:
                connection = self._connections[lane]
                match meaning_of(exc, is_closed=connection is None or connection.is_closed()):
                    case Failure.REFUSED:
                        raise
                    case Failure.AGAIN:
                        conflicts += 1
                        if conflicts > _AGAIN_MAX:
                            raise
                    case Failure.LOST:
                        await self._drop(lane)
                        self._check_patience(deadline, exc)
                        await self._clock.sleep(pause_s)
                        pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    async def _write(self, lane: int, group: list[Waiting]) -> list[Done]:
        """Do a group's work in one transaction, and commit it."""
        connection = await self._begun(lane)
        try:
            transaction = Transaction(connection)
            done = await self._work(transaction, group)
        except BaseException:
            await self._roll_back(lane)
            raise
        # Who waits already has a transaction that this trip has begun.
        chains = bool(self._waiting[lane]) and not self._server.is_pooled
        try:
            await connection.execute("commit and chain" if chains else "commit")
        except Exception as exc:
            if chains:
                connection.terminate()  # who knows whether it has begun another
            if meaning_of(exc, is_closed=connection.is_closed()) is Failure.LOST:
                await self._drop(lane)
                if transaction.id is not None:
                    raise Unknown(transaction.id, done) from exc
                return done  # nothing was written
            raise
        self._is_begun[lane] = chains
        return done

    async def _begun(self, lane: int) -> Connection:
        """Return the lane's connection, in a transaction that has done nothing yet."""
        connection = await self._connection(lane)
        if not self._is_begun[lane]:
            await connection.execute(self._server.begin)
        self._is_begun[lane] = False
        return connection

    async def _work(self, transaction: Transaction, group: list[Waiting]) -> list[Done]:
        by_verb: dict[Verb, list[Waiting]] = {}
        for waiting in group:
            by_verb.setdefault(waiting[0], []).append(waiting)
        done = []
        for verb, asking in by_verb.items():
            results = await transaction.run(verb([item for _, item, _ in asking]))
            done.append(Done(verb, asking, list(results)))
        return done

    async def _was_committed(self, lane: int, transaction_id: str, deadline: float) -> bool:
        """Ask the server what became of a transaction whose commit was not answered."""
        while True:
            try:
                connection = await self._connection(lane)
                # Behind a pooler what does not share a transaction does not share a process.
                async with connection.transaction():
                    status = await connection.fetchval(
                        "select pg_xact_status($1::text::xid8)", transaction_id
                    )
            except asyncpg.InvalidParameterValueError:
                return False  # a server that took over and never heard of it
            except Exception as exc:
                broken = self._connections[lane]
                if (
                    meaning_of(exc, is_closed=broken is None or broken.is_closed())
                    is Failure.REFUSED
                ):
                    raise
                await self._drop(lane)
                self._check_patience(deadline, exc)
            else:
                if status != "in progress":
                    log.warning("commit_resolved", outcome=status or "unknown")
                    return bool(status == "committed")
            await self._clock.sleep(_PAUSE_S)

    def _check_patience(self, deadline: float, exc: BaseException) -> None:
        if self._clock.monotonic() > deadline:
            raise StorageUnavailable("The database cannot be reached; try again soon.") from exc

    async def _connection(self, lane: int) -> Connection:
        connection = self._connections[lane]
        if connection is None or connection.is_closed():
            connection = await self._server.connect(plans=True)
            self._connections[lane], self._is_begun[lane] = connection, False
        return connection

    async def _roll_back(self, lane: int) -> None:
        connection = self._connections[lane]
        assert connection is not None
        try:
            await connection.execute("rollback")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._drop(lane)

    async def _drop(self, lane: int) -> None:
        connection, self._connections[lane] = self._connections[lane], None
        if connection is not None:
            log.warning("database_lost")
            connection.terminate()


def settle(answers: Answers) -> None:
    """Give the callers their results."""
    for future, result in answers:
        if future.done():  # its caller was cancelled meanwhile
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
