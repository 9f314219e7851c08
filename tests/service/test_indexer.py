"""The indexer writes behind the jobs, a little at a time, and lets others write between."""

from __future__ import annotations

import asyncio

from builders import a_job, a_submission

from ringback.indexer import Indexer
from ringback.jobs.queue import PromptSearch
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock


async def test_all_that_has_come_is_indexed_in_small_steps(
    store: SqliteStore, clock: FakeClock
) -> None:
    for number in range(120):
        await store.submit(a_submission(a_job(input={"prompt": f"fox {number}"})))
    before = store.commits_count
    indexing = asyncio.create_task(Indexer(store, clock=clock, is_shared=False).run_once())
    while not indexing.done():
        await clock.elapse(0.05)
    assert await indexing == 120
    assert store.commits_count - before == 3
    search = PromptSearch(
        workspace_id="studio", text="fox 119", before_id=None, window=200, limit=10
    )
    looked = await store.search_prompts(search)
    assert looked is not None
    assert [job.input["prompt"] for job in looked.jobs] == ["fox 119"]


async def test_whoever_does_not_lead_indexes_nothing(store: SqliteStore, clock: FakeClock) -> None:
    await store.submit(a_submission())
    indexer = Indexer(store, clock=clock, is_shared=False, leads=lambda: False)
    assert await indexer.run_once() == 0


async def test_a_shared_store_is_followed_from_a_minute_behind(clock: FakeClock) -> None:
    asked: list[int] = []

    class Watched:
        async def index_prompts(self, *, before_ms: int, limit: int) -> int:
            asked.append(before_ms)
            return 0

        async def search_prompts(self, search: PromptSearch) -> None:
            raise AssertionError(search)

    await Indexer(Watched(), clock=clock, is_shared=True).run_once()
    assert asked == [clock.now_ms() - 60_000]
