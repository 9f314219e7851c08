from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from ringback.errors import StorageUnavailable
from ringback.storage.postgres.outage import CHECK_EVERY_S, Outage
from ringback.testing import FakeClock


def is_on(outage: Outage) -> bool:
    return outage.is_on


def checks(outage: Outage, count: int) -> None:
    for _ in range(count):
        outage.check()


def test_an_outage_with_failures_is_known_at_the_second_check_and_logged_once() -> None:
    clock = FakeClock()
    outage = Outage(clock)
    with capture_logs() as logged:
        outage.check()
        outage.failed(ConnectionRefusedError("refused"))
        outage.check()
        assert not is_on(outage)
        outage.failed(ConnectionRefusedError("refused"))
        outage.check()
        assert is_on(outage)
        for _ in range(100):
            outage.failed(ConnectionRefusedError("refused"))
            outage.check()
        clock.advance(50)
        outage.heard()
        outage.check()
        assert not is_on(outage)
        checks(outage, 1)
    assert [(one["event"], one.get("away_s")) for one in logged] == [
        ("store_away", None),
        ("store_back", 50.0),
    ]


def test_silence_is_an_outage_only_after_five_seconds() -> None:
    outage = Outage(FakeClock())
    outage.check()
    checks(outage, round(5 / CHECK_EVERY_S) - 1)
    assert not is_on(outage)
    outage.check()
    assert is_on(outage)


def test_a_connection_that_fails_beside_others_that_are_answered_is_no_outage() -> None:
    outage = Outage(FakeClock())
    with capture_logs() as logged:
        for _ in range(100):
            outage.failed(OSError("too many connections"))
            outage.heard()
            outage.check()
            outage.failed(OSError("too many connections"))
            outage.check()
    assert not is_on(outage)
    assert logged == []


async def test_the_database_is_asked_only_when_nobody_has_heard_it_and_by_one_question() -> None:
    clock = FakeClock()
    outage = Outage(clock)
    checks = 0
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def check_server() -> None:
        nonlocal checks
        checks += 1
        await answer
        outage.heard()

    watching = asyncio.create_task(outage.watch(check_server))
    await clock.elapse(CHECK_EVERY_S)
    for _ in range(20):
        outage.heard()
        await clock.elapse(CHECK_EVERY_S)
    assert checks == 0
    for _ in range(20):
        await clock.elapse(CHECK_EVERY_S)
    assert checks == 1
    assert is_on(outage)
    answer.set_exception(StorageUnavailable("it stays away"))
    answer = asyncio.get_running_loop().create_future()
    answer.set_result(None)
    await clock.elapse(2 * CHECK_EVERY_S)
    assert not is_on(outage)
    watching.cancel()
