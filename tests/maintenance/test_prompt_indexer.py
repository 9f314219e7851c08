"""The indexer writes behind the jobs, a little at a time, and lets others write between."""

from __future__ import annotations

import asyncio

from ringback.jobs.store import PromptSearch
from ringback.maintenance.prompt_indexer import PromptIndexer
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from tests.builders import a_job, a_submission


async def test_all_new_prompts_are_indexed_in_small_steps(
    store: SqliteStore, clock: FakeClock
) -> None:
    for number in range(120):
        await store.submit(a_submission(a_job(input={"prompt": f"fox {number}"})))
    before = store.commits_count
    indexing = asyncio.create_task(PromptIndexer(store, clock=clock, is_shared=False).run_once())
    while not indexing.done():
        await clock.elapse(0.05)
    assert await indexing == 120
    assert store.commits_count - before == 3
    search = PromptSearch(
        workspace_id="studio", text="fox 119", before_id=None, window=200, limit=10
    )
    matches = await store.search_prompts(search)
    assert matches is not None
    assert [job.input["prompt"] for job in matches.jobs] == ["fox 119"]


async def test_a_process_that_does_not_lead_indexes_nothing(
    store: SqliteStore, clock: FakeClock
) -> None:
    await store.submit(a_submission())
    indexer = PromptIndexer(store, clock=clock, is_shared=False, is_leader=lambda: False)
    assert await indexer.run_once() == 0


async def test_a_shared_store_is_followed_from_a_minute_behind(clock: FakeClock) -> None:
    cutoffs: list[int] = []

    class Watched:
        async def index_prompts(self, *, before_ms: int, limit: int) -> int:
            cutoffs.append(before_ms)
            return 0

        async def search_prompts(self, search: PromptSearch) -> None:
            raise AssertionError(search)

    await PromptIndexer(Watched(), clock=clock, is_shared=True).run_once()
    assert cutoffs == [clock.now_ms() - 60_000]
