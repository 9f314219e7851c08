"""The loop that prunes: files too, and a job's deliveries never before the job."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ringback.engines.null import NullEngine
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.artifacts.names import artifact_url
from ringback.files.assets.model import Asset
from ringback.jobs.model import Job, JobResult
from ringback.maintenance.pruner import Pruner
from ringback.service import JobService
from ringback.storage.retention import Retention
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, FakeFetcher, settle
from ringback.wakeups import Wakeups
from ringback.webhooks.model import DeliveryStatus
from ringback.worker import Slot, Worker
from tests.builders import a_request
from tests.raw import raw

WEBHOOK_URL = "https://shop.example/webhook"
DAY_S = 86_400


def own_url(name: str) -> str:
    return artifact_url(name, base_url=a_request().base_url)


async def an_ended_job(service: JobService, *, urls: tuple[str, ...] = ()) -> Job:
    await service.submit(a_request(webhook_url=WEBHOOK_URL))
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=15)
    return await service.finish(job, result=JobResult(urls=urls))


async def test_a_job_past_its_time_goes_with_its_files(
    service: JobService, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    names = [await artifacts.save(b"x", media_type="image/png") for _ in range(2)]
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(), clock=clock
    )
    old = await an_ended_job(service, urls=(own_url(names[0]),))
    (delivery,) = await store.deliveries_of(old.job_id)
    now_ms = clock.now_ms()
    assert await store.end_delivery(delivery, DeliveryStatus.CANCELLED, now_ms=now_ms)
    clock.advance(89 * DAY_S)
    assert await pruner.run_once() == 0
    young = await an_ended_job(service, urls=(own_url(names[1]),))
    clock.advance(2 * DAY_S)
    assert await pruner.run_once() == 3  # the job, its delivery, its event
    assert [await artifacts.find(name) is None for name in names] == [True, False]
    assert await store.get_job(old.job_id) is None
    assert await store.get_job(young.job_id) is not None
    assert (await store.ledger()).balances


async def test_an_asset_that_a_provider_gave_back_outlives_the_job(
    service: JobService, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    name = await artifacts.save(b"x", media_type="image/png")
    asset = Asset(
        asset_id="01a20ed7-0000-7000-8000-000000000001",
        workspace_id="studio",
        artifact=name,
        media_type="image/png",
        size_bytes=1,
        created_at_ms=clock.now_ms(),
    )
    await store.add_asset(asset, bytes_max=1_000_000)
    old = await an_ended_job(service, urls=(own_url(name),))
    clock.advance(91 * DAY_S)
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(), clock=clock
    )
    await pruner.run_once()
    assert await store.get_job(old.job_id) is None
    assert await artifacts.find(name) is not None


async def test_files_go_before_the_rows_that_name_them(
    service: JobService, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    kept: list[bool] = []

    class Watched(LocalArtifacts):
        async def delete(self, name: str) -> None:
            kept.append(await store.get_job(old.job_id) is not None)
            await super().delete(name)

    artifacts = Watched(tmp_path / "artifacts")
    name = await artifacts.save(b"x", media_type="image/png")
    old = await an_ended_job(service, urls=(own_url(name),))
    clock.advance(91 * DAY_S)
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(), clock=clock
    )
    await pruner.run_once()
    assert kept == [True]
    assert await artifacts.find(name) is None


async def test_the_picture_that_null_jobs_share_outlives_each_of_them(
    service: JobService, store: SqliteStore, wakeups: Wakeups, clock: FakeClock, tmp_path: Path
) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(), clock=clock
    )

    async def a_null_job() -> Job:
        worker = Worker(
            service,
            slots={"null": Slot(engine=NullEngine(), concurrency=1)},
            artifacts=artifacts,
            fetcher=FakeFetcher(),
            clock=clock,
            wakeups=wakeups,
            worker_id="w",
            lease_s=15,
            job_timeout_s=60,
        )
        loop = asyncio.create_task(worker.run())
        job = (await service.submit(a_request())).job
        async with asyncio.timeout(10):
            with wakeups.ended.watch(job.job_id, (ended := asyncio.Event()).set):
                await ended.wait()
        await worker.drain(0.0)
        await loop
        known = await store.get_job(job.job_id)
        assert known is not None
        return known

    old = await a_null_job()
    clock.advance(89 * DAY_S)
    young = await a_null_job()
    clock.advance(2 * DAY_S)
    await pruner.run_once()
    assert await store.get_job(old.job_id) is None
    assert young.result is not None
    assert young.result.urls is not None
    assert await artifacts.find(young.result.urls[0].rpartition("/")[2]) is not None


async def test_many_are_pruned_in_small_steps_that_let_others_write(
    service: JobService, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    pruner = Pruner(
        store, store, assets=store, artifacts=artifacts, retention=Retention(days=1.0), clock=clock
    )
    await an_ended_job(service)
    # As many more as take three steps, made in one go.
    for table, unique in (("jobs", "job_id"), ("deliveries", "delivery_id")):
        columns = [
            row[1] for row in await raw(store, f"pragma table_info({table})") if row[1] != "seq"
        ]
        made = ", ".join(f"{unique} || n" if one == unique else one for one in columns)
        store._connection.execute(
            f"insert into {table} ({', '.join(columns)}) "  # noqa: S608 - names of our own tables
            "with recursive c (n) as (select 1 union all select n + 1 from c where n < 450) "
            f"select {made} from {table}, c"
        )
    store._connection.execute(
        "update deliveries set status = 'cancelled', ended_at_ms = created_at_ms, "
        "next_attempt_at_ms = null"
    )
    clock.advance(2 * DAY_S)
    task = asyncio.create_task(pruner.run_once())
    while not task.done():
        await settle()
        await store._writer.idle()
        clock.advance(0.01)
    assert await task == 451 + 451 + 1
