"""The database's clock is read again and again, by idle and by busy processes."""

from __future__ import annotations

from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connections import Server, close
from ringback.storage.postgres.notification_payloads import News
from ringback.storage.postgres.notifications import NotificationListener
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from tests.postgres import Databases

HOUR_S = 3600


async def test_a_process_that_always_has_news_reads_the_clock_all_the_same(
    databases: Databases,
) -> None:
    machine, wakeups = FakeClock(), Wakeups()
    clock = DatabaseClock(machine)
    with databases.fresh() as dsn:
        server = Server(dsn)
        connection = await server.connect()
        await clock.set_by(connection)
        await close(connection)
        busy = NotificationListener(server, clock, Wakeups())
        other = NotificationListener(server, DatabaseClock(FakeClock()), wakeups)
        await busy.listening.wait()
        await other.listening.wait()
        await wakeups.deliveries.wait(HOUR_S)  # rung as it began to listen
        true_ms = clock.now_ms()
        machine.advance(HOUR_S)  # its oscillator is fast, say
        busy.send(News(owed=True))
        await wakeups.deliveries.wait(HOUR_S)
        assert clock.now_ms() - true_ms < HOUR_S * 1000 / 2
        await busy.stop()
        await other.stop()
