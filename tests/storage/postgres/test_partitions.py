"""Weekly partitions of growing tables: made ahead, searched alone, and dropped whole."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from ringback.ids import Ids
from ringback.jobs.store import PromptSearch, StepSubmission
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.connections import close
from ringback.storage.postgres.partitions import (
    TABLES,
    WEEK_MS,
    _make,
    make_partitions,
    weeks_of,
)
from ringback.storage.retention import Kept
from ringback.storage.transactions.outbox_writes import IdFactory
from ringback.webhooks.model import DeliveryStatus
from tests.builders import ROOMY, a_job, a_submission
from tests.raw import raw
from tests.storage.contract.test_store import claim, ending

WEEK = 2_500
THEN = WEEK * WEEK_MS + 1_000
AFTER = (WEEK + 1) * WEEK_MS


async def a_store_of_then(dsn: str) -> PostgresStore:
    """Return a store with the partitions of a week long ago, and ids of that time."""
    store = await PostgresStore.open(
        dsn, id_factory=IdFactory(new_id=Ids(lambda: THEN, Random(3).getrandbits).uuid7)
    )
    connection = await store._server.connect()
    await make_partitions(connection, now_ms=THEN)
    await close(connection)
    return store


ids = Ids(lambda: THEN, Random(5).getrandbits)


async def an_ended_job(
    store: PostgresStore, *, is_delivered: bool = True, kind: str = "image"
) -> str:
    receiver_url = "https://shop.example/hook"
    job = a_job(job_id=ids.uuid7(), created_at_ms=THEN, webhook_url=receiver_url, kind=kind)
    await store.submit(a_submission(job))
    (held,) = await claim(store)
    over = ending(held, event_id=ids.uuid7(), created_at_ms=THEN)
    assert await store.end_job(replace(over, after=replace(over.after, completed_at_ms=THEN)))
    if is_delivered:
        (owed,) = await store.deliveries_of(job.job_id)
        assert await store.end_delivery(owed, DeliveryStatus.CANCELLED, now_ms=THEN)
    return job.job_id


async def count(store: PostgresStore, table: str) -> int:
    ((found,),) = await raw(store, f"select count(*) from {table}")  # noqa: S608
    assert isinstance(found, int)
    return found


async def forget(store: PostgresStore, what: Kept, *, before_ms: int = AFTER) -> int:
    """Prune to the end, as the pruner does; returns how many."""
    found = 0
    for _ in range(50):
        if what is Kept.JOBS:
            await store.files_past(before_ms=before_ms, limit=2)
        step = await store.prune(what, before_ms=before_ms, limit=2)
        found += step.count
        if not step.more:
            return found
    raise AssertionError("pruning does not end")


async def test_partitions_are_made_ahead_and_what_is_new_lies_in_them(store: PostgresStore) -> None:
    connection = await store._server.connect()
    this_week = store.clock.now_ms() // WEEK_MS
    for table in TABLES:
        assert await weeks_of(connection, table) == [*range(this_week, this_week + 5)]
    await close(connection)
    job_id = Ids(store.clock.now_ms, Random(1).getrandbits).uuid7()
    await store.submit(a_submission(a_job(job_id=job_id)))
    assert await count(store, f"jobs_w{this_week}") == 1
    assert await count(store, "jobs_rest") == 0


async def test_rows_that_came_before_their_partition_move_into_it(dsn: str) -> None:
    store = await PostgresStore.open(dsn)
    await store.submit(a_submission(a_job(job_id=ids.uuid7())))
    assert await count(store, "jobs_rest") == 1
    connection = await store._server.connect()
    await make_partitions(connection, now_ms=THEN)
    await close(connection)
    assert await count(store, "jobs_rest") == 0
    assert await count(store, f"jobs_w{WEEK}") == 1
    assert len(await claim(store)) == 1
    await store.close()


async def test_a_week_that_is_past_is_dropped_whole_and_the_books_balance(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    job_ids = [await an_ended_job(store) for _ in range(3)]
    assert await forget(store, Kept.JOBS, before_ms=AFTER - 1) == 0  # not all of it is past
    await store.close()
    store = await PostgresStore.open(dsn)
    for what in (Kept.ATTEMPTS, Kept.JOBS, Kept.DELIVERIES, Kept.EVENTS):
        expected = 0 if what is Kept.ATTEMPTS else 3
        assert await forget(store, what) == expected
    assert await store.get_job(job_ids[0]) is None
    names = await raw(store, f"select relname from pg_class where relname like '%w{WEEK}'")  # noqa: S608
    assert names == []
    ledger = await store.ledger("studio")
    assert ledger.balances
    assert ledger.accounts[0].jobs_pruned_count == 3
    assert ledger.accounts[0].deliveries_pruned_count == 3
    await store.close()


async def test_a_weeks_prompts_go_with_its_jobs_wherever_they_lie(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    await an_ended_job(store)
    pending = a_job(job_id=ids.uuid7(), engine="other", input={"prompt": "still waits"})
    await store.submit(a_submission(pending))
    await store.index_prompts(before_ms=AFTER, limit=9)
    assert await count(store, f"prompts_w{WEEK}") == 2
    assert await forget(store, Kept.JOBS) == 1
    assert await raw(store, "select job_id from prompts") == [(pending.job_id,)]
    search = PromptSearch(workspace_id="studio", text="still", before_id=None, window=9, limit=9)
    found_page = await store.search_prompts(search)
    assert found_page is not None
    assert [job.job_id for job in found_page.jobs] == [pending.job_id]
    await store.close()


async def test_prompts_of_a_week_without_a_partition_of_them_go_too(dsn: str) -> None:
    store = await PostgresStore.open(dsn)
    connection = await store._server.connect()
    await _make(connection, "jobs", WEEK)  # as a release before there were prompts has left it
    await close(connection)
    await an_ended_job(store)
    await store.index_prompts(before_ms=AFTER, limit=9)
    assert await count(store, "prompts_rest") == 1
    assert await forget(store, Kept.JOBS) == 1
    assert await count(store, "prompts") == 0
    await store.close()


async def test_the_files_of_a_week_are_gone_through_before_its_jobs_are_forgotten(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    for _ in range(5):
        await an_ended_job(store)
    assert (await store.prune(Kept.JOBS, before_ms=AFTER, limit=2)).count == 0
    names: list[str] = []
    for _ in range(9):
        names += await store.files_past(before_ms=AFTER, limit=2)
        step = await store.prune(Kept.JOBS, before_ms=AFTER, limit=2)
        if step.count:
            break
    assert (len(names), step.count) == (5, 5)
    await store.close()


async def test_what_runs_name_is_not_theirs_to_take_along(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    await an_ended_job(store, kind="app")
    assert await store.files_past(before_ms=AFTER, limit=1) == ()
    await an_ended_job(store)
    assert await store.files_past(before_ms=AFTER, limit=1) == ("a.png",)
    await store.close()


async def test_the_files_of_a_job_that_is_not_over_outlive_its_week(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    await an_ended_job(store)
    pending = a_job(
        job_id=ids.uuid7(),
        engine="other",
        input={"image_url": f"http://127.0.0.1:7464/artifacts/inputs--{'a' * 24}.png"},
        input_files=(f"inputs--{'a' * 24}.png",),
    )
    await store.submit(a_submission(pending))
    assert await store.files_past(before_ms=AFTER, limit=9) == ("a.png",)
    assert await forget(store, Kept.JOBS) == 1
    kept = await store.get_job(pending.job_id)
    assert kept is not None
    assert kept.input_files == pending.input_files
    await store.close()


async def test_what_is_not_over_outlives_its_week(dsn: str) -> None:
    store = await a_store_of_then(dsn)
    await an_ended_job(store)
    waiting = await an_ended_job(store, is_delivered=False)
    pending = a_job(job_id=ids.uuid7(), engine="other")
    await store.submit(a_submission(pending))
    assert await forget(store, Kept.JOBS) == 2
    assert await forget(store, Kept.DELIVERIES) == 1
    assert await forget(store, Kept.EVENTS) == 1
    assert await store.get_job(pending.job_id) is not None
    (owed,) = await store.deliveries_of(waiting)
    (due,) = await store.claim_due(now_ms=THEN, limit=9, limit_each=9, lease_until_ms=AFTER)
    assert due.delivery_id == owed.delivery_id
    assert due.body == owed.body
    assert (await store.ledger()).balances
    await store.close()


async def test_a_week_that_is_dropped_keeps_the_steps_of_a_run_that_is_not_over(
    dsn: str,
) -> None:
    store = await a_store_of_then(dsn)
    run = a_job(job_id=ids.uuid7(), created_at_ms=THEN, engine="apps", kind="app")
    await store.submit(a_submission(run))
    step = a_job(job_id=ids.uuid7(), created_at_ms=THEN, run_id=run.job_id, step="first")
    assert await store.submit_step(StepSubmission(job=step, limits=ROOMY)) is not None
    (held,) = await claim(store)
    over = ending(held, event_id=ids.uuid7(), created_at_ms=THEN)
    assert await store.end_job(replace(over, after=replace(over.after, completed_at_ms=THEN)))
    alone = await an_ended_job(store)
    assert await forget(store, Kept.JOBS) == 1
    assert await store.get_job(alone) is None
    (kept,) = await store.steps_of(run.job_id)
    assert kept.job_id == step.job_id
    pending = await store.get_job(run.job_id)
    assert pending is not None
    over = ending(pending, event_id=ids.uuid7(), created_at_ms=THEN)
    assert await store.end_job(replace(over, after=replace(over.after, completed_at_ms=THEN)))
    assert await forget(store, Kept.JOBS) == 2
    assert (await store.ledger()).balances
    await store.close()
