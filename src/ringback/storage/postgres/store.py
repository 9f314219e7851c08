"""The store on PostgreSQL: for any number of processes on any number of machines.

Which time it is, the database says: every process of a server takes its time from the store's
``clock``, which was set by the database and is carried on by the machine's monotonic clock. So the
times that the verbs are handed, of leases and of what is due, are all of one clock, however
uneven those of the machines are, and the store treats them as given; tests hand in times of
their own, to this store as to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Self

from ringback.clock import Clock, SystemClock
from ringback.doorbell import Bells
from ringback.ids import Ids
from ringback.storage.contract import Counts
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connecting import WAIT_S, Server, close
from ringback.storage.postgres.guarding import open_for_work
from ringback.storage.postgres.lanes import LANES, lane_of
from ringback.storage.postgres.lookups import LookUps
from ringback.storage.postgres.migrating import migrate
from ringback.storage.postgres.news import News, news_of
from ringback.storage.postgres.partitions import make_partitions
from ringback.storage.postgres.pruning import PostgresPruning
from ringback.storage.postgres.reading import Reader
from ringback.storage.postgres.statements import GROUPED
from ringback.storage.postgres.telegraph import Telegraph
from ringback.storage.postgres.writer import Writer
from ringback.storage.sql.apps import SqlApps
from ringback.storage.sql.assets import SqlAssets
from ringback.storage.sql.books import SqlBooks
from ringback.storage.sql.chores import SqlChores
from ringback.storage.sql.control import SqlControl
from ringback.storage.sql.deliveries import SqlOutbox
from ringback.storage.sql.endpoints import SqlEndpoints
from ringback.storage.sql.jobs import SqlJobs
from ringback.storage.sql.log import SqlLog
from ringback.storage.sql.owing import Mint
from ringback.storage.sql.prompts import SqlPrompts
from ringback.storage.sql.styles import SqlStyles
from ringback.storage.sql.usage import SqlUsage
from ringback.storage.sql.work import Result, Rows, Verb, Work, one
from ringback.storage.sql.workspaces import SqlWorkspaces

_READERS = 4
_PATIENCE_S = 30.0
_MAINTAIN_S = 24 * 3600.0


class PostgresStore(
    SqlJobs,
    SqlPrompts,
    SqlOutbox,
    SqlLog,
    SqlEndpoints,
    SqlWorkspaces,
    SqlApps,
    SqlAssets,
    SqlStyles,
    SqlChores,
    SqlBooks,
    PostgresPruning,
    SqlControl,
    SqlUsage,
):
    """A ``Store`` in a PostgreSQL database, shared by many processes."""

    def __init__(
        self,
        server: Server,
        direct: Server,
        clock: DatabaseClock,
        mint: Mint,
        bells: Bells,
        patience_s: float,
    ) -> None:
        self._server = server
        self._machine = SystemClock()
        self._patience_s = patience_s
        self._mint = mint
        self._clock = clock
        self._telegraph = Telegraph(direct, clock, bells)
        self._reader = Reader(server, count=_READERS, clock=self._machine, patience_s=patience_s)
        self._look_ups = LookUps(self._read_alone)
        self._writer = Writer(
            server,
            clock=self._machine,
            committed=self._committed,
            lane_of=lane_of,
            lanes_count=LANES,
            patience_s=patience_s,
        )

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        direct: str | None = None,
        bells: Bells | None = None,
        mint: Mint | None = None,
        patience_s: float = _PATIENCE_S,
        start_s: float = WAIT_S,
        moving: bool = False,
    ) -> Self:
        """Open the store of a database, its schema brought up to date, or raise ``SetupError``.

        ``bells`` are rung for what other processes write; behind a pooler that takes a way past it,
        ``direct``. A server that is away is waited for
        as long as ``patience_s`` before whoever reads or writes is told ``StorageUnavailable``,
        and for ``start_s`` before opening is refused. ``moving`` is for the move that has the
        database to itself; everybody else is refused while there is one.
        """
        server = Server(dsn)
        await server.look(wait_s=start_s)
        clock = DatabaseClock(SystemClock())
        connection = await server.connect()
        try:
            await migrate(connection)
            if not moving:
                await open_for_work(connection)
            await clock.set_by(connection)
            await make_partitions(connection, now_ms=clock.now_ms())
        finally:
            await close(connection)
        mint = mint or Mint(new_id=Ids(clock.now_ms, Random().getrandbits).uuid7)
        past = server
        if direct is not None:
            past = Server(direct)
            await past.look(wait_s=start_s)
        return cls(server, past, clock, mint, bells or Bells(), patience_s)

    @property
    def is_shared(self) -> bool:
        """Any number of servers may be working on it."""
        return True

    def pass_on(self, job_id: str) -> None:
        """Ring in other processes for whoever waits for a provider's news of a job."""
        self._telegraph.send(News(hooked={job_id}))

    @property
    def clock(self) -> Clock:
        """The database's time, for whoever hands times to this store."""
        return self._clock

    @property
    def commits_count(self) -> int:
        """How many committed transactions of this process there have been since opening."""
        return self._writer.commits_count

    async def close(self) -> None:
        """Finish what was accepted, then let go of the connections."""
        await self._writer.stop()
        await self._telegraph.stop()
        await self._reader.close()

    async def _call(self, verb: Verb, item: Any) -> Any:
        return await self._writer.call(verb, item)

    async def _read(self, name: str, **bindings: Any) -> Rows:
        if name in GROUPED:
            return await self._look_ups.rows(name, bindings)
        return await self._read_alone(name, bindings)

    async def _read_alone(self, name: str, bindings: Mapping[str, Any]) -> Rows:
        return await self._reader.look(lambda: one(name, bindings), at_one_moment=False)

    async def _look(self, work: Callable[[], Work[Result]]) -> Result:
        return await self._reader.look(work, at_one_moment=True)

    def _committed(self, verb: Verb, items: list[Any], results: list[Any]) -> None:
        self._telegraph.send(news_of(verb, items, results))

    async def maintain(self) -> None:
        """Vacuum every table and bring the planner's statistics up to date."""
        connection = await self._server.connect()
        try:
            # It takes as long as it takes.
            await connection.execute("vacuum (analyze)", timeout=_MAINTAIN_S)
        finally:
            await close(connection)

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""
        return Counts(
            jobs=dict(await self._scan("jobs.count_jobs")),
            deliveries=dict(await self._scan("deliveries.count_deliveries")),
        )
