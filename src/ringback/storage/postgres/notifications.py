"""Wakeups between processes, by LISTEN and NOTIFY; and the clock's readings.

Notifications are sent after their commit, over a connection of their own and one at a time: a
NOTIFY within a transaction would hold a lock of the whole database until that transaction is on
disk, and all commits would wait for each other. A lost notification costs a second: waiting code
looks at the store that often anyway. A pooler passes none on.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from ringback.log import get_logger
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connections import Connection, Server, close
from ringback.storage.postgres.notification_payloads import News, payloads, read_payload
from ringback.wakeups import Wakeups

log = get_logger(__name__)

_CHANNEL = "ringback"
_JOB_CHANNEL = "ringback_hooks"  # apart: the release before reads the other's payloads whole
_NOTIFY = "select pg_notify($1, $2)"
_READ_CLOCK_S = 10.0
_AGAIN_S = 0.5


class NotificationListener:
    """Notifies other processes of commits here, and wakes this one's waiters for theirs."""

    def __init__(self, server: Server, clock: DatabaseClock, wakeups: Wakeups) -> None:
        self._server = server
        self._clock = clock
        self._wakeups = wakeups
        self._name = secrets.token_hex(8)
        self._news = News()
        self._wake = asyncio.Event()
        self._stopping = False
        self.listening = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def send(self, news: News) -> None:
        """Notify of the news soon, together with all that has come by then."""
        if news:
            self._news.add(news)
            self._wake.set()

    async def stop(self) -> None:
        """Send the waiting notifications, if the server is there, and stop."""
        self._stopping = True
        self._wake.set()
        await self._task

    def cut(self) -> None:
        """Stop at once; waiting notifications are not sent."""
        self._task.cancel()

    async def _run(self) -> None:
        while not self._stopping:
            connection: Connection | None = None
            try:
                connection = await self._server.connect()
                await self._serve(connection)
            except Exception as exc:  # noqa: BLE001 - it is mended by another connection
                if self.listening.is_set():  # once for each that is lost, however long it takes
                    log.warning("notifications_lost", detail=str(exc) or type(exc).__name__)
                await self._pause()
            finally:
                self.listening.clear()
                if connection is not None:
                    await close(connection)

    async def _serve(self, connection: Connection) -> None:
        if not self._server.is_pooled:
            # It writes nothing: a notification need not be on a disk before it is passed on.
            await connection.execute("set synchronous_commit = off")
            await connection.add_listener(_CHANNEL, self._heard)
            await connection.add_listener(_JOB_CHANNEL, self._hooked)
        self.listening.set()
        # Notifications may have been missed until now.
        self._ring(News(queued=True, owed=True))
        while True:
            # However many notifications there are.
            if self._clock.age_s >= _READ_CLOCK_S:
                await self._clock.set_by(connection)
            if self._news:
                news, self._news = self._news, News()
                for text in payloads(self._name, news) if news.is_of_writes else ():
                    await self._notify(connection, _CHANNEL, text)
                for job_id in sorted(news.hooked):
                    await self._notify(connection, _JOB_CHANNEL, job_id)
            elif self._stopping:
                return
            else:
                await self._wait()

    async def _notify(self, connection: Connection, channel: str, text: str) -> None:
        if not self._server.is_pooled:
            await connection.execute(_NOTIFY, channel, text)
            return
        # Behind a pooler statements share a server process only within a transaction.
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
        sender, news = read_payload(str(payload))
        if sender != self._name:
            self._ring(news)

    def _hooked(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._wakeups.provider_webhooks.notify(str(payload))  # to be woken twice does no harm

    def _ring(self, news: News) -> None:
        if news.queued:
            self._wakeups.queued.wake()
        if news.owed:
            self._wakeups.deliveries.wake()
        for job_id in news.ended:
            self._wakeups.ended.notify(job_id)
        for workspace_id in news.events:
            self._wakeups.events.notify(workspace_id)
