"""The database's clock is read again and again, by whoever has nothing else to do or much."""

from __future__ import annotations

from postgres import Databases

from ringback.doorbell import Bells
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.connecting import Server, close
from ringback.storage.postgres.news import News
from ringback.storage.postgres.telegraph import Telegraph
from ringback.testing import FakeClock

HOUR_S = 3600


async def test_a_process_that_always_has_news_reads_the_clock_all_the_same(
    databases: Databases,
) -> None:
    machine, bells = FakeClock(), Bells()
    clock = DatabaseClock(machine)
    with databases.fresh() as dsn:
        server = Server(dsn)
        connection = await server.connect()
        await clock.set_by(connection)
        await close(connection)
        busy = Telegraph(server, clock, Bells())
        other = Telegraph(server, DatabaseClock(FakeClock()), bells)
        await busy.listening.wait()
        await other.listening.wait()
        await bells.owed.wait(HOUR_S)  # rung as it began to listen
        true_ms = clock.now_ms()
        machine.advance(HOUR_S)  # its oscillator is fast, say
        busy.send(News(owed=True))
        await bells.owed.wait(HOUR_S)
        assert clock.now_ms() - true_ms < HOUR_S * 1000 / 2
        await busy.stop()
        await other.stop()
