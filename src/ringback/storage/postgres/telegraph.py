"""Wake-ups between processes, by LISTEN and NOTIFY; and the clock's readings.

News is sent after its commit, by a connection of its own and a telegram at a time: a NOTIFY
within a transaction would hold a lock of the whole database until that transaction is on disk,
and all who commit would wait in line. A telegram that is lost costs a second: whoever waits for
a bell looks at the store that often anyway. A pooler passes none on.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from ringback.doorbell import Bells
from ringback.log import get_logger
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connecting import Connection, Server, close
from ringback.storage.postgres.news import News, read_telegram, telegrams

log = get_logger(__name__)

_CHANNEL = "ringback"
_HOOKS = "ringback_hooks"  # apart: the release before reads each telegram of the other whole
_NOTIFY = "select pg_notify($1, $2)"
_READ_CLOCK_S = 10.0
_AGAIN_S = 0.5


class Telegraph:
    """Tells other processes what was written here, and rings this one's bells for theirs."""

    def __init__(self, server: Server, clock: DatabaseClock, bells: Bells) -> None:
        self._server = server
        self._clock = clock
        self._bells = bells
        self._name = secrets.token_hex(8)
        self._news = News()
        self._wake = asyncio.Event()
        self._stopping = False
        self.listening = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def send(self, news: News) -> None:
        """Have the news told, soon and together with what else there is by then."""
        if news:
            self._news.add(news)
            self._wake.set()

    async def stop(self) -> None:
        """Tell what there is to tell, if the server is there, and stop."""
        self._stopping = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while not self._stopping:
            connection: Connection | None = None
            try:
                connection = await self._server.connect()
                await self._serve(connection)
            except Exception as exc:  # noqa: BLE001 - it is mended by another connection
                log.warning("telegraph_lost", detail=str(exc) or type(exc).__name__)
                await self._pause()
            finally:
                self.listening.clear()
                if connection is not None:
                    await close(connection)

    async def _serve(self, connection: Connection) -> None:
        if not self._server.is_pooled:
            # It writes nothing: a telegram need not be on a disk before it is passed on.
            await connection.execute("set synchronous_commit = off")
            await connection.add_listener(_CHANNEL, self._heard)
            await connection.add_listener(_HOOKS, self._hooked)
        self.listening.set()
        # Whatever was told while nobody listened.
        self._ring(News(queued=True, owed=True))
        while True:
            # However much there is to tell.
            if self._clock.age_s >= _READ_CLOCK_S:
                await self._clock.set_by(connection)
            if self._news:
                news, self._news = self._news, News()
                for text in telegrams(self._name, news) if news.is_of_writes else ():
                    await self._tell(connection, _CHANNEL, text)
                for job_id in sorted(news.hooked):
                    await self._tell(connection, _HOOKS, job_id)
            elif self._stopping:
                return
            else:
                await self._wait()

    async def _tell(self, connection: Connection, channel: str, text: str) -> None:
        if not self._server.is_pooled:
            await connection.execute(_NOTIFY, channel, text)
            return
        # Behind a pooler what does not share a transaction does not share a server process.
        async with connection.transaction():
            await connection.execute(_NOTIFY, channel, text)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_READ_CLOCK_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _pause(self) -> None:
        if not self._stopping:
            await self._clock.sleep(_AGAIN_S)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        sender, news = read_telegram(str(payload))
        if sender != self._name:
            self._ring(news)

    def _hooked(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._bells.hooked.tell(str(payload))  # to be woken twice does no harm

    def _ring(self, news: News) -> None:
        if news.queued:
            self._bells.queued.ring()
        if news.owed:
            self._bells.owed.ring()
        for job_id in news.ended:
            self._bells.ended.tell(job_id)
        for workspace_id in news.told:
            self._bells.told.tell(workspace_id)
