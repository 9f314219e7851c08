"""The store on PostgreSQL: for any number of processes on any number of machines.

The database's clock is the only one: every process of a server takes its time from the store's
``clock``, which is set by the database and carried on by the machine's monotonic clock. So the
times of leases and of due deliveries are all of one clock, however uneven those of the machines
are. Operations take the time as an argument; tests pass times of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Self

from ringback.clock import Clock, SystemClock
from ringback.concurrency.deadline import ends_in_time
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.storage.postgres.batched_lookups import BatchedLookups
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connections import WAIT_S, Connection, Server, close
from ringback.storage.postgres.migration_guard import open_for_work
from ringback.storage.postgres.migrations_runner import migrate
from ringback.storage.postgres.notification_payloads import News, news_of
from ringback.storage.postgres.notifications import NotificationListener
from ringback.storage.postgres.outage import Outage
from ringback.storage.postgres.partitions import make_partitions
from ringback.storage.postgres.pruning import PostgresPruning
from ringback.storage.postgres.reader import Reader
from ringback.storage.postgres.statements import GROUPED
from ringback.storage.postgres.write_lanes import WriteLanes
from ringback.storage.postgres.writer import PostgresWriter
from ringback.storage.stores.sql_store import SqlStore
from ringback.storage.transactions.outbox_writes import IdFactory
from ringback.storage.transactions.work import (
    Result,
    Rows,
    TransactionFunction,
    TransactionScript,
    one,
)
from ringback.wakeups import Wakeups

log = get_logger(__name__)

_READERS = 4
_PATIENCE_S = 30.0
_TRY_S = 1.0  # a look-up is tried for that long, however long it has waited for others
_MAINTAIN_S = 24 * 3600.0
_CLOSE_S = 60.0


class PostgresStore(PostgresPruning, SqlStore):
    """A ``Store`` in a PostgreSQL database, shared by many processes."""

    def __init__(
        self,
        server: Server,
        direct: Server,
        clock: DatabaseClock,
        id_factory: IdFactory,
        wakeups: Wakeups,
        patience_s: float,
    ) -> None:
        self._server = server
        self._machine = SystemClock()
        self._patience_s = patience_s
        self._id_factory = id_factory
        self._clock = clock
        self._outage = Outage(self._machine)
        self._notifications = NotificationListener(direct, clock, wakeups)
        self._reader = Reader(
            server,
            count=_READERS,
            clock=self._machine,
            patience_s=patience_s,
            outage=self._outage,
        )
        self._look_ups = BatchedLookups(self._read_alone, self._machine)
        self._writer = WriteLanes(self._new_writer, monotonic=self._machine.monotonic)
        self._watching = asyncio.create_task(self._outage.watch(self.drained_roles))

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        direct: str | None = None,
        wakeups: Wakeups | None = None,
        id_factory: IdFactory | None = None,
        patience_s: float = _PATIENCE_S,
        start_s: float = WAIT_S,
        moving: bool = False,
    ) -> Self:
        """Open the store of a database, its schema brought up to date, or raise ``SetupError``.

        ``wakeups`` happen also for other processes' commits; behind a pooler that needs an address
        past it, ``direct``. While the server is away, reads and writes wait for ``patience_s``
        before they raise ``StorageUnavailable``, and opening waits for ``start_s``. ``moving`` is
        for the data migration, which has the database to itself; other openings are refused then.
        """
        server = Server(dsn)
        clock = DatabaseClock(SystemClock())

        async def begin(connection: Connection) -> None:
            await migrate(connection)
            if not moving:
                await open_for_work(connection)
            await clock.set_by(connection)
            await make_partitions(connection, now_ms=clock.now_ms())

        await server.once_there(begin, wait_s=start_s)
        id_factory = id_factory or IdFactory(new_id=Ids(clock.now_ms, Random().getrandbits).uuid7)
        past = server
        if direct is not None:
            past = Server(direct)
            await past.detect_pooler(wait_s=start_s)
        return cls(server, past, clock, id_factory, wakeups or Wakeups(), patience_s)

    def _new_writer(self) -> PostgresWriter:
        return PostgresWriter(
            self._server,
            clock=self._machine,
            committed=self._committed,
            outage=self._outage,
            patience_s=self._patience_s,
        )

    @property
    def is_shared(self) -> bool:
        """Any number of servers may be working on it."""
        return True

    def pass_on(self, job_id: str) -> None:
        """Wake the waiters for a provider's news of a job in other processes."""
        self._notifications.send(News(hooked={job_id}))

    @property
    def clock(self) -> Clock:
        """The database's time, for the times that are passed to this store."""
        return self._clock

    @property
    def commits_count(self) -> int:
        """How many committed transactions of this process there have been since opening."""
        return self._writer.commits_count

    @property
    def is_away(self) -> bool:
        """Say whether the database cannot be reached, as far as this process knows."""
        return self._outage.is_on

    async def close(self, *, within_s: float = _CLOSE_S) -> None:
        """Finish the accepted writes, for at most so long, then let go of the connections.

        A write without an answer by then may be there or not; its caller gets no answer either.
        """
        self._watching.cancel()
        if not await ends_in_time(self._finish(), within_s):
            log.warning("stop_abandoned", what="writes to the database")
        self._writer.cut()
        self._notifications.cut()
        self._reader.cut()

    async def _finish(self) -> None:
        await self._writer.close()
        await self._notifications.stop()
        await self._reader.close()

    async def _call(self, function: TransactionFunction, item: Any) -> Any:
        return await self._writer.call(function, item)

    async def _read(self, name: str, **bindings: Any) -> Rows:
        if name in GROUPED:
            return await self._look_ups.rows(name, bindings)
        return await self._read_alone(name, bindings)

    async def _read_alone(
        self, name: str, bindings: Mapping[str, Any], waited_s: float = 0.0
    ) -> Rows:
        return await self._reader.query(
            lambda: one(name, bindings),
            at_one_moment=False,
            patience_s=max(_TRY_S, self._patience_s - waited_s),
        )

    async def _snapshot(
        self, work: Callable[[], TransactionScript[Result]], *, is_long: bool = False
    ) -> Result:
        return await self._reader.query(work, at_one_moment=True, is_long=is_long)

    def _committed(
        self, function: TransactionFunction, items: list[Any], results: Sequence[Any]
    ) -> None:
        self._notifications.send(news_of(function, items, results))

    async def maintain(self) -> None:
        """Vacuum every table and bring the planner's statistics up to date."""
        connection = await self._server.connect()
        try:
            # It takes as long as it takes.
            await connection.execute("vacuum (analyze)", timeout=_MAINTAIN_S)
        finally:
            await close(connection)
