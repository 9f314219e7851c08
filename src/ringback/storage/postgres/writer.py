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
from ringback.storage.postgres.running import run
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
    """Runs verbs on a few connections; a call returns when its commit is on the server's disk."""

    def __init__(
        self,
        server: Server,
        *,
        clock: Clock,
        committed: Committed,
        connections: int = 2,
        patience_s: float = 30.0,
    ) -> None:
        self._server = server
        self._clock = clock
        self._committed = committed
        self._patience_s = patience_s
        self._waiting: list[Waiting] = []
        self._again: list[list[Waiting]] = []  # parts of groups that failed as a whole
        self._wake = asyncio.Semaphore(0)
        self._stopping = False
        self._connections: list[Connection | None] = [None] * connections
        self._tasks = [asyncio.create_task(self._serve(place)) for place in range(connections)]
        self.commits_count = 0

    async def call(self, verb: Verb, item: Any) -> Any:
        """Return the verb's result for this item, committed, or raise its refusal."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((verb, item, future))
        self._wake.release()
        return await future

    async def stop(self) -> None:
        """Finish what was accepted, then let go of the connections."""
        self._stopping = True
        for _ in self._tasks:
            self._wake.release()
        await asyncio.gather(*self._tasks)
        for connection in self._connections:
            if connection is not None:
                await close(connection)

    async def _serve(self, place: int) -> None:
        while True:
            await self._wake.acquire()
            # Soon, and not now: whoever else is ready to write shall share the transaction.
            await asyncio.sleep(0)  # noqa: TID251 - it waits for no time to pass
            while group := self._next_group():
                await self._settle(place, group)
            if self._stopping:
                return

    def _next_group(self) -> list[Waiting]:
        if self._again:
            return self._again.pop()
        group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        return group

    async def _settle(self, place: int, group: list[Waiting]) -> None:
        """Write a group and give its callers their results, whatever happens meanwhile."""
        try:
            done = await self._until_written(place, group)
        except Exception as exc:  # noqa: BLE001 - whatever broke is each caller's own answer
            if len(group) == 1 or isinstance(exc, StorageUnavailable):
                settle([(future, refusal(exc)) for _, _, future in group])
            else:
                # One poisonous item must not fail its neighbours: halves, until it is alone.
                middle = len(group) // 2
                self._again += [group[middle:], group[:middle]]
        else:
            self.commits_count += 1
            for verb, asking, results in done:
                self._committed(verb, [item for _, item, _ in asking], results)
                settle(list(zip((future for _, _, future in asking), results, strict=True)))

    async def _until_written(self, place: int, group: list[Waiting]) -> list[Done]:
        deadline = self._clock.monotonic() + self._patience_s
        pause_s, conflicts = _PAUSE_S, 0
        while True:
            try:
                return await self._write(place, group)
            except Unknown as exc:
                if await self._was_committed(place, exc.transaction_id, deadline):
                    return exc.done
            except Exception as exc:
                connection = self._connections[place]
                match meaning_of(exc, is_closed=connection is None or connection.is_closed()):
                    case Failure.REFUSED:
                        raise
                    case Failure.AGAIN:
                        conflicts += 1
                        if conflicts > _AGAIN_MAX:
                            raise
                    case Failure.LOST:
                        await self._drop(place)
                        self._check_patience(deadline, exc)
                        await self._clock.sleep(pause_s)
                        pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    async def _write(self, place: int, group: list[Waiting]) -> list[Done]:
        """Do a group's work in one transaction, and commit it."""
        connection = await self._connection(place)
        await connection.execute(self._server.begin)
        try:
            transaction_id = await connection.fetchval("select pg_current_xact_id()::text")
            done = await self._work(connection, group)
        except BaseException:
            await self._roll_back(place)
            raise
        try:
            await connection.execute("commit")
        except Exception as exc:
            if meaning_of(exc, is_closed=connection.is_closed()) is Failure.LOST:
                await self._drop(place)
                raise Unknown(transaction_id, done) from exc
            raise
        return done

    async def _work(self, connection: Connection, group: list[Waiting]) -> list[Done]:
        by_verb: dict[Verb, list[Waiting]] = {}
        for waiting in group:
            by_verb.setdefault(waiting[0], []).append(waiting)
        done = []
        for verb, asking in by_verb.items():
            results = await run(connection, verb([item for _, item, _ in asking]))
            done.append(Done(verb, asking, list(results)))
        return done

    async def _was_committed(self, place: int, transaction_id: str, deadline: float) -> bool:
        """Ask the server what became of a transaction whose commit was not answered."""
        while True:
            try:
                connection = await self._connection(place)
                status = await connection.fetchval(
                    "select pg_xact_status($1::text::xid8)", transaction_id
                )
            except asyncpg.InvalidParameterValueError:
                return False  # a server that took over and never heard of it
            except Exception as exc:
                broken = self._connections[place]
                if (
                    meaning_of(exc, is_closed=broken is None or broken.is_closed())
                    is Failure.REFUSED
                ):
                    raise
                await self._drop(place)
                self._check_patience(deadline, exc)
            else:
                if status != "in progress":
                    log.warning("commit_resolved", outcome=status or "unknown")
                    return bool(status == "committed")
            await self._clock.sleep(_PAUSE_S)

    def _check_patience(self, deadline: float, exc: BaseException) -> None:
        if self._clock.monotonic() > deadline:
            raise StorageUnavailable("The database cannot be reached; try again soon.") from exc

    async def _connection(self, place: int) -> Connection:
        connection = self._connections[place]
        if connection is None or connection.is_closed():
            connection = await self._server.connect(plans=True)
            self._connections[place] = connection
        return connection

    async def _roll_back(self, place: int) -> None:
        connection = self._connections[place]
        assert connection is not None
        try:
            await connection.execute("rollback")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._drop(place)

    async def _drop(self, place: int) -> None:
        connection, self._connections[place] = self._connections[place], None
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
