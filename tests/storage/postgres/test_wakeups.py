"""A commit of one process wakes the others, and all of them use the database's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ringback.clock import SystemClock
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.clock import DatabaseClock
from ringback.storage.postgres.notification_payloads import (
    PAYLOAD_BYTES_MAX,
    News,
    payloads,
    read_payload,
)
from ringback.testing import FakeClock
from ringback.wakeups import Wakeup, Wakeups
from tests.builders import a_job, a_submission, an_endpoint, an_event
from tests.storage.contract.test_store import claim, ending

HOUR_S = 3600


@pytest.fixture
def wakeups() -> Wakeups:
    return Wakeups()


@pytest.fixture
async def other(dsn: str, wakeups: Wakeups) -> AsyncIterator[PostgresStore]:
    """The store of another process, which listens and has heard nothing yet."""
    opened = await PostgresStore.open(dsn, wakeups=wakeups)
    await opened._notifications.listening.wait()
    for wakeup in (wakeups.queued, wakeups.deliveries):
        await wakeup.wait(0)  # rung as it began to listen
    yield opened
    await opened.close()


async def rings(wakeup: Wakeup) -> None:
    """Return once the wakeup has come; without it the process would poll much later."""
    await wakeup.wait(HOUR_S)


async def test_a_submission_rings_for_workers_elsewhere(
    store: PostgresStore, other: PostgresStore, wakeups: Wakeups
) -> None:
    await store.submit(a_submission())
    await rings(wakeups.queued)
    assert len(await claim(other)) == 1


async def test_an_end_rings_for_dispatchers_and_for_whoever_watches_the_job_or_the_feed(
    store: PostgresStore, other: PostgresStore, wakeups: Wakeups
) -> None:
    job, heard = a_job(), asyncio.Queue[str]()
    await store.submit(a_submission(job))
    (held,) = await claim(store)
    with (
        wakeups.ended.watch(job.job_id, lambda: heard.put_nowait("ended")),
        wakeups.events.watch("studio", lambda: heard.put_nowait("told")),
    ):
        await store.end_job(ending(held))
        assert {await heard.get(), await heard.get()} == {"ended", "told"}
    await rings(wakeups.deliveries)


async def test_a_providers_news_of_a_job_wakes_whoever_waits_for_it_elsewhere(
    store: PostgresStore, other: PostgresStore, wakeups: Wakeups
) -> None:
    heard = asyncio.Queue[str]()
    with wakeups.provider_webhooks.watch("j-1", lambda: heard.put_nowait("hooked")):
        store.pass_on("j-2")
        store.pass_on("j-1")
        assert await heard.get() == "hooked"
    assert heard.empty()


async def test_an_event_for_one_endpoint_rings_for_dispatchers(
    store: PostgresStore, other: PostgresStore, wakeups: Wakeups
) -> None:
    await store.add_endpoint_event(an_endpoint(), an_event(a_job()), delivery_id="d1")
    await rings(wakeups.deliveries)


async def test_whoever_begins_to_listen_again_looks_at_once(
    store: PostgresStore, other: PostgresStore, wakeups: Wakeups
) -> None:
    from tests.raw import raw

    await raw(
        store,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and query like '%LISTEN%' and pid <> pg_backend_pid()",
    )
    await rings(wakeups.queued)
    await rings(wakeups.deliveries)


def test_news_that_one_notification_cannot_hold_is_told_in_several() -> None:
    news = News(True, True, {f"{n:036}" for n in range(1_000)}, {f"w{n}" for n in range(400)})
    texts = payloads("me", news)
    assert all(len(text.encode()) <= PAYLOAD_BYTES_MAX for text in texts)
    logged = News()
    for text in texts:
        sender, part = read_payload(text)
        assert sender == "me"
        logged.add(part)
    assert logged == news


async def test_the_time_is_the_databases_whatever_the_machines_clocks_say(
    store: PostgresStore,
) -> None:
    machine = FakeClock()
    machine._start_ms += 5 * HOUR_S * 1000  # a clock that is wrong
    clock = DatabaseClock(machine)
    connection = await store._server.connect()
    await clock.set_by(connection)
    await connection.close()
    real_ms = SystemClock().now_ms()  # the database is on this very machine
    assert abs(clock.now_ms() - real_ms) < 60_000
    before_ms = clock.now_ms()
    machine._start_ms -= 9 * HOUR_S * 1000  # it is set
    assert clock.now_ms() == before_ms
    machine.advance(2.5)
    assert clock.now_ms() == before_ms + 2_500
    assert abs(store.clock.now_ms() - SystemClock().now_ms()) < 60_000
