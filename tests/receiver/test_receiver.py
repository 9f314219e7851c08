"""A receiver as its program uses it: believed, remembered, answered, and only then handled."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

import ringback
from ringback.client.models import JobDocument
from ringback.receiver import (
    MemoryLedger,
    NoJob,
    Receiver,
    ReceiverMisuse,
    SqliteLedger,
    WebhookEvent,
)
from ringback.receiver.ledgers.sql import SqlAlchemyLedger
from tests.receiver.kit import NOW_S, SECRET, StillClock, a_job, signed


def a_receiver(**more: Any) -> Receiver:
    return Receiver(SECRET, **{"clock": StillClock(), **more})


def post(receiver: Receiver, body: bytes | None = None, **more: Any) -> int:
    """Bring a webhook and return the answer's status."""
    body = a_job() if body is None else body
    return receiver.handle(signed(body, **more), body).status


def test_a_webhook_is_handled_once_however_often_it_comes() -> None:
    receiver = a_receiver()
    receiver.handle_before_answering()
    seen: list[WebhookEvent] = []
    receiver.on("job.completed")(seen.append)
    assert [post(receiver) for _ in range(3)] == [204, 204, 204]
    # The same end by way of an endpoint has another id, and is the same end.
    assert post(receiver, webhook_id="delivery-2") == 204
    assert receiver.run_due() == 1
    assert [event.job.job_id for event in seen if event.job_or_none] == ["job-1"]
    assert receiver.run_due() == 0


def test_every_type_has_its_function_and_the_rest_have_one_or_none() -> None:
    receiver = a_receiver()
    receiver.handle_before_answering()
    called: list[str] = []

    @receiver.on("job.failed", "job.cancelled")
    def ended(event: WebhookEvent) -> None:
        called.append(f"ended {event.type}")

    @receiver.on()
    async def other(event: WebhookEvent) -> None:
        called.append(f"other {event.type}")

    with pytest.raises(ReceiverMisuse, match=r"job\.failed"):
        receiver.on("job.failed")(print)
    for number, status in enumerate(("failed", "completed", "cancelled")):
        post(receiver, a_job(f"job-{number}", status), webhook_id=f"d-{number}")
    assert post(receiver, b'{"type": "new.thing"}', webhook_id="d-9") == 204
    assert receiver.run_due() == 4
    assert sorted(called) == [
        "ended job.cancelled",
        "ended job.failed",
        "other job.completed",
        "other new.thing",
    ]


def test_a_function_that_raises_is_called_again_later_and_given_up_in_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = StillClock()
    receiver = a_receiver(clock=clock, attempts_max=3)
    receiver.handle_before_answering()
    calls: list[float] = []

    @receiver.on("job.completed")
    def break_(_event: WebhookEvent) -> None:
        calls.append(clock.at_s)
        raise RuntimeError("no paper")

    assert post(receiver) == 204
    assert receiver.run_due() == 1
    assert receiver.run_due() == 0  # not before its time
    for _ in range(3):
        clock.at_s += 3_600
        receiver.run_due()
    assert len(calls) == 3
    assert "given up" in caplog.text
    assert "no paper" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("expected", [{"job-1"}, lambda job_id: job_id == "job-1"])
def test_jobs_of_others_are_refused_and_logged(
    expected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = a_receiver(expected=expected)
    with caplog.at_level(logging.INFO, "ringback.receiver"):
        assert post(receiver) == 204
        assert post(receiver, a_job("job-2"), webhook_id="d-2") == 404
        assert receiver.handle({}, b"").status == 400
        assert post(receiver) == 204
    verdicts = [record.__dict__["verdict"] for record in caplog.records]
    assert verdicts == ["accepted", "unknown_job", "missing_header", "duplicate"]
    assert caplog.records[1].__dict__["job_id"] == "job-2"


def test_jobs_are_expected_that_were_noted() -> None:
    receiver = a_receiver(expected=True)
    assert post(receiver) == 404
    receiver.expect("job-1")
    assert post(receiver) == 204


async def test_a_function_that_is_awaited_may_say_which_jobs_are_expected() -> None:
    async def expected(job_id: str) -> bool:
        return job_id == "job-1"

    receiver = a_receiver(expected=expected)
    body = a_job()
    assert (await receiver.ahandle(signed(body), body)).status == 204
    assert (await receiver.ahandle(signed(a_job("x")), a_job("x"))).status == 404
    assert receiver.handle(signed(body), body).status == 503  # it cannot be awaited here


def test_a_ledger_that_is_away_costs_nothing_but_another_try() -> None:
    class Away(MemoryLedger):
        def add(self, receipt: Any) -> bool:
            raise ConnectionError("the database is away")

    assert post(a_receiver(ledger=Away())) == 503


def test_a_thread_calls_the_functions_after_the_answer() -> None:
    receiver = Receiver(SECRET, tolerance=10**9)
    may_go, called = threading.Event(), threading.Event()

    @receiver.on("job.completed")
    async def slow(_event: WebhookEvent) -> None:
        await asyncio.to_thread(may_go.wait, 10)
        called.set()

    try:
        assert post(receiver) == 204
        assert not called.is_set()  # answered, and the function has not returned
        may_go.set()
        assert called.wait(10)
    finally:
        receiver.stop()


async def test_an_event_loop_calls_the_functions_many_at_once() -> None:
    receiver = Receiver(SECRET, tolerance=10**9)
    together = asyncio.Barrier(4)
    done: list[str] = []

    @receiver.on("job.completed")
    async def meet(event: WebhookEvent) -> None:
        async with asyncio.timeout(10):
            await together.wait()
        done.append(event.webhook_id)

    plain = asyncio.Event()
    loop = asyncio.get_running_loop()

    @receiver.on("job.failed")
    def in_a_thread(_event: WebhookEvent) -> None:
        loop.call_soon_threadsafe(plain.set)

    async with receiver.running():
        for number in range(4):
            body = a_job(f"job-{number}")
            answer = await receiver.ahandle(signed(body, webhook_id=f"d-{number}"), body)
            assert answer.status == 204
        body = a_job("job-9", "failed")
        await receiver.ahandle(signed(body, webhook_id="d-9"), body)
        async with asyncio.timeout(10):
            await plain.wait()
    assert sorted(done) == ["d-0", "d-1", "d-2", "d-3"]


def test_a_programs_next_run_handles_its_open_receipts(tmp_path: Path) -> None:
    first = a_receiver(ledger=SqliteLedger(tmp_path / "w.db"))
    first.on("job.completed")(print)
    first.handle_before_answering()
    assert post(first) == 204
    seen: list[str] = []
    second = a_receiver(ledger=SqliteLedger(tmp_path / "w.db"))
    second.on("job.completed")(lambda event: seen.append(event.webhook_id))
    assert second.run_due() == 1
    assert seen == ["delivery-1"]


_PROGRAM = """
import sys
from ringback.receiver import Receiver, SqliteLedger

receiver = Receiver("{secret}", tolerance=10**12, ledger=SqliteLedger(sys.argv[1]), lease=0.5)

@receiver.on("job.completed", transactional=True)
def fulfil(event, connection):
    connection.execute("insert into effects values (?)", (event.job.job_id,))
    print("in the middle", flush=True)
    if sys.argv[2] == "hang":
        import threading
        threading.Event().wait(60)

receiver.start()
import threading
threading.Event().wait(60)
"""


@pytest.mark.timeout(60)
def test_a_kill_in_the_middle_of_a_handler_leaves_one_effect(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    ledger = SqliteLedger(path)
    ledger._connection.execute("create table effects (job_id text)")
    receiver = a_receiver(ledger=ledger)
    receiver.handle_before_answering()
    receiver.on("job.completed")(print)
    post(receiver)
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM.format(secret=SECRET))
    environment = {**os.environ, "PYTHONPATH": str(Path(ringback.__file__).parents[1])}

    def run(mode: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, str(program), str(path), mode],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert started.stdout is not None
        assert started.stdout.readline() == "in the middle\n"
        return started

    hanging = run("hang")
    hanging.send_signal(signal.SIGKILL)
    hanging.communicate()
    assert _effects(path) == []
    going = run("go")
    pause = threading.Event()
    for _ in range(200):
        if _effects(path):
            break
        pause.wait(0.02)
    going.kill()
    going.communicate()
    assert _effects(path) == ["job-1"]
    assert ledger.next_due_s() is None


def _effects(path: Path) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        return [job_id for (job_id,) in connection.execute("select job_id from effects")]


def test_an_effect_is_undone_with_its_receipt(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    clock = StillClock()
    receiver = a_receiver(ledger=SqlAlchemyLedger(engine), clock=clock)
    receiver.handle_before_answering()
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table effects (job_id text)"))
    fails = [True, False]

    @receiver.on("job.completed", transactional=True)
    def fulfil(event: WebhookEvent, connection: sqlalchemy.Connection) -> None:
        connection.execute(
            sqlalchemy.text("insert into effects values (:id)"), {"id": event.job.job_id}
        )
        if fails.pop(0):
            raise RuntimeError("after the effect")

    post(receiver)
    receiver.run_due()
    clock.at_s += 100
    receiver.run_due()
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("select job_id from effects")).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("job-1",)]


def test_misuse_raises_one_sentence() -> None:
    with pytest.raises(ReceiverMisuse, match="SqlAlchemyLedger"):
        a_receiver().on("job.completed", transactional=True)

    async def never(_event: WebhookEvent, _connection: Any) -> None: ...

    with pytest.raises(ReceiverMisuse, match="async"):
        a_receiver(ledger=SqliteLedger(":memory:")).on("job.failed", transactional=True)(never)


class Jobs:
    """A client, as far as reconciling needs one."""

    def __init__(self, **jobs: JobDocument) -> None:
        self.jobs = self
        self._jobs = jobs

    def get(self, job_id: str) -> JobDocument:
        return self._jobs[job_id]


class AsyncJobs(Jobs):
    def __init__(self, **jobs: JobDocument) -> None:
        super().__init__(**jobs)
        self.get: Callable[[str], Awaitable[JobDocument]] = self._aget  # type: ignore[assignment]

    async def _aget(self, job_id: str) -> JobDocument:
        return self._jobs[job_id]


def job_document(job_id: str, status: str) -> JobDocument:
    import msgspec

    return msgspec.convert(json.loads(a_job(job_id, status)), JobDocument)


async def test_reconciling_finds_a_missed_end_and_a_late_webhook_is_a_duplicate() -> None:
    clock = StillClock()
    receiver = a_receiver(clock=clock, expected=True)
    receiver.handle_before_answering()
    seen: list[tuple[str, str]] = []
    receiver.on()(lambda event: seen.append((event.type, event.job.job_id)))
    for number in range(4):
        receiver.expect(f"job{number}")
    jobs = {
        "job0": job_document("job0", "completed"),
        "job1": job_document("job1", "failed"),
        "job2": job_document("job2", "processing"),
    }
    clock.at_s = NOW_S + 601
    post(receiver, a_job("job3"), webhook_id="d-3", at_s=clock.at_s)
    assert receiver.reconcile(Jobs(**jobs), older_than_minutes=20) == 0
    assert receiver.reconcile(Jobs(**jobs)) == 2
    assert await receiver.areconcile(AsyncJobs(**jobs)) == 0
    assert post(receiver, a_job("job0"), webhook_id="d-0", at_s=clock.at_s) == 204
    await asyncio.to_thread(receiver.run_due)
    assert sorted(seen) == [
        ("job.completed", "job0"),
        ("job.completed", "job3"),
        ("job.failed", "job1"),
    ]


def test_a_name_of_no_event_is_refused_and_the_nearest_one_suggested() -> None:
    receiver = a_receiver()
    unknown: Any = receiver.on
    for name, near in (
        ("job.finished", "job.failed"),
        ("job.complete", "did you mean job.completed?"),
        ("completed", "did you mean job.completed?"),
        ("job_failed", "did you mean job.failed?"),
        ("job.canceled", "did you mean job.cancelled?"),
        ("", "job.completed"),
    ):
        with pytest.raises(ReceiverMisuse, match="is no event of Ringback") as refused:
            unknown(name)
        assert near in str(refused.value)
    seen: list[str] = []
    receiver.on(other=["invoice.paid"])(lambda event: seen.append(event.type))
    body = b'{"type": "invoice.paid"}'
    receiver.handle_before_answering()
    assert receiver.handle(signed(body), body).status == 204
    receiver.run_due()
    assert seen == ["invoice.paid"]


def test_an_event_that_describes_no_job_says_so() -> None:
    body = b'{"type": "endpoint.test"}'
    event = a_receiver().verify(signed(body), body)
    assert (event.job_or_none, event.job_id, event.ends_job) == (None, None, False)
    with pytest.raises(NoJob, match=r"endpoint\.test event describes no job"):
        _ = event.job
