"""A directory of an earlier version: opened, it has lost nothing, and owes what it owed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import apsw
import pytest

from ringback.ids import Ids
from ringback.service.secrets import SigningKeyService
from ringback.signing.sealing import Sealer, is_sealed
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from tests.builders import PlainSeals

NOW = 1_800_000_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"job_id":"j1","status":"completed"}'
JOBS = (
    ("j1", "completed", "https://shop.example/hook", NOW, None),
    ("j2", "completed", "https://shop.example/hook", NOW, None),
    ("j3", "failed", "https://other.example/hook", NOW, None),
    ("j4", "queued", None, None, None),
    ("j5", "sampling", "https://shop.example/hook", None, NOW),
    ("j6", "backlogged", None, None, None),
)
DELIVERIES = (
    ("d1", "j1", "https://shop.example", "waiting", 1, NOW + 5_000, None),
    ("d2", "j2", "https://shop.example", "waiting", 0, NOW, NOW + 40_000),
    ("d3", "j3", "https://other.example", "exhausted", 10, None, None),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store of schema 1 with rows of every kind, opened by this version."""
    database = apsw.Connection(str(tmp_path / "ringback.db"))
    scripts = files("ringback.storage.sqlite") / "migrations"
    database.execute((scripts / "0001_jobs_and_deliveries.sql").read_text("utf-8"))
    database.pragma("user_version", 1)
    database.execute("insert into workspaces values ('studio', ?, 1, 2, 1)", (SECRET,))
    database.execute("insert into tokens values ('t1', 'studio', 'digest', 'rb_', 1, null)")
    for job_id, status, url, completed_at_ms, lease_until_ms in JOBS:
        result = '{"urls":["http://x/a.png"]}' if status == "completed" else None
        database.execute(
            "insert into jobs (job_id, workspace_id, kind, model, type, engine, input, "
            "created_at_ms, base_url, status, webhook_url, completed_at_ms, result, "
            "lease_until_ms) values (?, 'studio', 'image', 'm', 't', 'null', '{}', 1, "
            "'http://x', ?, ?, ?, ?, ?)",
            (job_id, status, url, completed_at_ms, result, lease_until_ms),
        )
    for delivery_id, job_id, origin, status, attempts, due, lease in DELIVERIES:
        ended = None if status == "waiting" else NOW
        event = "job.failed" if job_id == "j3" else "job.completed"
        database.execute(
            "insert into deliveries (delivery_id, workspace_id, job_id, event, engine, url, "
            "destination, body, created_at_ms, status, attempts_count, next_attempt_at_ms, "
            "ended_at_ms, epoch, lease_until_ms) values "
            "(?, 'studio', ?, ?, 'null', ?, ?, ?, ?, ?, ?, ?, ?, 3, ?)",
            (
                delivery_id,
                job_id,
                event,
                f"{origin}/hook",
                f"{origin}:443",
                BODY,
                NOW,
                status,
                attempts,
                due,
                ended,
                lease,
            ),
        )
    for delivery_id, number in (("d1", 1), ("d3", 10)):
        database.execute(
            "insert into attempts values (?, ?, ?, 5, '203.0.113.9', 503, 'status', x'6e6f')",
            (delivery_id, number, NOW),
        )
    database.close()
    opened = await SqliteStore.open(tmp_path)
    yield opened
    await opened.close()


async def test_what_was_owed_is_still_owed_by_the_same_id_and_bytes(store: SqliteStore) -> None:
    (waiting,) = await store.claim_due(
        now_ms=NOW + 9_000, limit=9, limit_each=9, lease_until_ms=NOW + 50_000
    )
    assert (waiting.delivery_id, waiting.body) == ("d1", BODY.encode())
    assert (waiting.attempts_count, waiting.round_attempts_count, waiting.epoch) == (1, 1, 4)
    assert waiting.reason == "status"
    assert await store.rescue_deliveries(leases_until_ms=NOW + 40_000, now_ms=NOW) == 1
    (rescued,) = await store.claim_due(
        now_ms=NOW + 9_000, limit=9, limit_each=9, lease_until_ms=NOW + 50_000
    )
    assert rescued.delivery_id == "d2"
    given_up = await store.get_delivery("d3")
    assert given_up is not None
    assert (given_up.status, given_up.engine, given_up.reason) == ("exhausted", "null", "status")
    (attempt,) = await store.attempts_of("d3")
    assert (attempt.status_code, attempt.response, attempt.dns_ms) == (503, b"no", None)


async def test_jobs_tokens_and_events_are_there_and_the_books_balance(store: SqliteStore) -> None:
    for job_id, status, url, *_ in JOBS:
        job = await store.get_job(job_id)
        assert job is not None
        assert (job.status, job.webhook_url, job.webhook_events) == (status, url, ())
    assert await store.find_token("digest") is not None
    feed = await store.events_after("studio", seq=0, limit=9)
    assert [(one.event.body, one.webhook_ids) for one in feed] == [
        (BODY.encode(), (delivery[0],)) for delivery in DELIVERIES
    ]
    ledger = await store.ledger()
    assert ledger.faults == ()
    (studio,) = [one for one in ledger.accounts if one.workspace_id == "studio"]
    assert (studio.accepted_count, studio.owed_count) == (6, 3)


async def test_plain_secrets_are_sealed_and_sign_as_before(store: SqliteStore) -> None:
    clock = FakeClock()
    ids = Ids(clock.now_ms, lambda bits: 0)
    assert await SigningKeyService(store, PlainSeals(), clock=clock, ids=ids).secrets_of(
        "workspace:studio"
    ) == [SECRET]
    service = SigningKeyService(store, Sealer([bytes(32)]), clock=clock, ids=ids)
    assert await service.seal_all() == 1
    ((_, key),) = await store.all_keys()
    assert is_sealed(key.sealed)
    assert await service.secrets_of("workspace:studio") == [SECRET]
