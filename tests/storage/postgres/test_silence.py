"""A silent PostgreSQL, or one that goes away while a store opens: calls fail in time."""

from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from ringback.errors import SetupError, StorageUnavailable
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.connections import Server, close
from ringback.testing import settle
from tests.builders import a_submission
from tests.e2e.relay import Outage, postgres_behind, through

PATIENCE_S = 1.0
MARGIN_S = 15.0  # for a machine that does much else; a statement alone may take sixty seconds


async def until_away(store: PostgresStore, *, is_away: bool) -> None:
    """Return once the store believes that of its server."""
    async with asyncio.timeout(30):
        while store.is_away is not is_away:
            await settle()


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_patience_is_one_for_connecting_waiting_and_every_statement(
    dsn: str, how: Outage
) -> None:
    async with postgres_behind(dsn) as relay:
        store = await PostgresStore.open(through(dsn, relay), patience_s=PATIENCE_S)
        await store.submit(a_submission())
        await relay.fail(how)
        # More than there are connections, so that some wait for one.
        asking = [
            *(store.submit(a_submission()) for _ in range(5)),
            *(store.get_job(f"{number}") for number in range(5)),
            *(store.list_endpoints("studio") for _ in range(10)),
            *(store.queued() for _ in range(10)),
        ]
        async with asyncio.timeout(PATIENCE_S + MARGIN_S):
            logged = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(one) for one in logged] == [StorageUnavailable] * len(asking)
        await until_away(store, is_away=True)
        await relay.open()
        await until_away(store, is_away=False)
        await store.submit(a_submission())
        await store.close()


async def test_whoever_comes_while_others_wait_for_a_silent_server_does_not_wait_twice(
    dsn: str,
) -> None:
    async with postgres_behind(dsn) as relay:
        store = await PostgresStore.open(through(dsn, relay), patience_s=4.0)
        await store.get_job("any")
        await relay.fail("silent")
        first = asyncio.create_task(store.get_job("a"))
        wrote = asyncio.create_task(store.submit(a_submission()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(first), 1.0)
        begun = asyncio.get_running_loop().time()
        later = await asyncio.gather(
            store.get_job("b"), store.submit(a_submission()), return_exceptions=True
        )
        took_s = asyncio.get_running_loop().time() - begun
        assert [type(one) for one in later] == [StorageUnavailable] * 2
        # Their own four seconds; not the three that were left to the first, and then four more.
        assert took_s < 6.5
        await asyncio.gather(first, wrote, return_exceptions=True)
        await store.close(within_s=0.5)


async def test_a_store_is_closed_in_the_time_that_there_is_though_its_server_says_nothing(
    dsn: str,
) -> None:
    async with postgres_behind(dsn) as relay:
        store = await PostgresStore.open(through(dsn, relay))
        await relay.fail("silent")
        writing = asyncio.create_task(store.submit(a_submission()))
        reading = asyncio.create_task(store.get_job("any"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(writing), 0.2)
        with capture_logs() as logged:
            async with asyncio.timeout(MARGIN_S):
                await store.close(within_s=0.5)
        assert [one["event"] for one in logged if one["event"] != "database_lost"] == [
            "stop_abandoned"
        ]
        for task in (writing, reading):
            task.cancel()
        await asyncio.gather(writing, reading, return_exceptions=True)


async def test_a_server_that_goes_away_while_a_store_is_opened_is_waited_for(dsn: str) -> None:
    for cuts_after_bytes in (400, 800, 2_000):
        async with postgres_behind(dsn) as relay:
            relay.cuts_after_bytes = cuts_after_bytes
            with capture_logs() as logged:
                store = await PostgresStore.open(through(dsn, relay))
            assert [one["event"] for one in logged] == ["database_away"]
            assert (await store.counts()).jobs == {}
            await store.close()


@pytest.mark.parametrize("how", ["cut", "silent"])
async def test_a_server_that_stays_away_while_a_store_is_opened_is_one_sentence(
    dsn: str, how: str
) -> None:
    async with postgres_behind(dsn) as relay:
        if how == "cut":
            relay.cuts_after_bytes, relay.stays_cut = 800, True
        else:
            await relay.fail("silent")
        with pytest.raises(SetupError, match="cannot be reached"):
            await PostgresStore.open(through(dsn, relay), start_s=0.5)


async def test_the_system_is_asked_to_notice_a_dead_peer(dsn: str) -> None:
    async with postgres_behind(dsn) as relay:
        connection = await Server(through(dsn, relay)).connect()
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        await close(connection)
