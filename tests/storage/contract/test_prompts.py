"""The index of prompts on every store: written after the jobs, and equal to their prompts."""

from __future__ import annotations

import pytest

from ringback.ids import uuid7_floor
from ringback.jobs.model import Job
from ringback.jobs.store import PromptMatches, PromptSearch
from ringback.storage.contract import Store
from ringback.storage.retention import Kept
from tests.builders import a_job, a_submission
from tests.storage.contract.test_pruning import NEW, an_ended_job, prune

LATER = 1_900_000_000_000


async def submit(store: Store, prompt: object, *, workspace_id: str = "studio") -> Job:
    job = a_job(input={"prompt": prompt}, workspace_id=workspace_id)
    return (await store.submit(a_submission(job))).job


async def index(store: Store, *, before_ms: int = LATER, limit: int = 100) -> int:
    return await store.index_prompts(before_ms=before_ms, limit=limit)


async def search(
    store: Store,
    text: str,
    *,
    workspace_id: str = "studio",
    before_id: str | None = None,
    window: int = 100,
    limit: int = 10,
) -> PromptMatches | None:
    query = PromptSearch(
        workspace_id=workspace_id, text=text, before_id=before_id, window=window, limit=limit
    )
    return await store.search_prompts(query)


async def found(store: Store, text: str, *, workspace_id: str = "studio") -> list[str]:
    found_page = await search(store, text, workspace_id=workspace_id)
    assert found_page is not None
    return [job.input["prompt"] for job in found_page.jobs]


async def test_a_text_leads_to_the_jobs_that_have_it_newest_first(store: Store) -> None:
    for prompt in (
        "a RED fox",
        "a blue boat",
        "some red barn",
        "an x",
        "Straße im Regen 雨の街並み",
    ):
        await submit(store, prompt)
    assert await index(store) == 5
    assert await found(store, "red") == ["some red barn", "a RED fox"]
    assert await found(store, "d fo") == ["a RED fox"]
    assert await found(store, "STRASSE") == ["Straße im Regen 雨の街並み"]
    assert await found(store, "の街並") == ["Straße im Regen 雨の街並み"]
    assert await found(store, "purple") == []


@pytest.mark.parametrize("text", ["", "re"])
async def test_a_text_too_short_for_the_index_leads_nowhere(store: Store, text: str) -> None:
    await submit(store, "red")
    await index(store)
    assert await search(store, text) is None


async def test_what_the_index_has_not_come_to_is_said(store: Store) -> None:
    await submit(store, "a red fox")
    assert await search(store, "red") is None
    await index(store)
    newest = await submit(store, "a red barn")
    assert await search(store, "red") is None
    older = await search(store, "red", before_id=newest.job_id)
    assert older is not None
    assert [job.input["prompt"] for job in older.jobs] == ["a red fox"]


async def test_jobs_are_indexed_a_few_at_a_time_each_once(store: Store) -> None:
    for number in range(5):
        await submit(store, f"number {number}")
    assert [await index(store, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert len(await found(store, "number")) == 5


async def test_jobs_made_after_the_clock_was_set_back_are_found(store: Store) -> None:
    made_ms = int((await submit(store, "a red fox")).job_id.replace("-", "")[:12], 16)
    await index(store)
    back_ms = made_ms - 3_600_000
    await index(store, before_ms=back_ms - 60_000)
    later = a_job(job_id=uuid7_floor(back_ms + 5_000), input={"prompt": "a red barn"})
    await store.submit(a_submission(later))
    await index(store, before_ms=back_ms + 60_000)
    found_page = await search(store, "red")  # None has them read one by one
    assert found_page is None or later.job_id in [job.job_id for job in found_page.jobs]
    await index(store)
    assert sorted(await found(store, "red")) == ["a red barn", "a red fox"]


async def test_nobody_finds_what_another_workspace_asked_for(store: Store) -> None:
    await submit(store, "the secret of the rival", workspace_id="rival")
    await submit(store, "ours")
    await index(store)
    assert await found(store, "secret") == []
    assert await found(store, "secret", workspace_id="rival") == ["the secret of the rival"]


async def test_windows_follow_each_other_to_the_last_job(store: Store) -> None:
    for number in range(10):
        await submit(store, f"number {number}" if number % 5 else "needle")
        await submit(store, "the rival's needle", workspace_id="rival")
    await index(store)
    seen, before_id, steps = [], None, 0
    while True:
        found_page = await search(store, "needle", before_id=before_id, window=3)
        assert found_page is not None
        seen += [job.input["prompt"] for job in found_page.jobs]
        before_id, steps = found_page.before_id, steps + 1
        if before_id is None:
            break
    assert (seen, steps) == (["needle", "needle"], 4)


async def test_a_full_page_of_finds_goes_on_from_its_last(store: Store) -> None:
    jobs = [await submit(store, f"red {number}") for number in range(5)]
    await index(store)
    found_page = await search(store, "red", limit=2)
    assert found_page is not None
    assert [job.job_id for job in found_page.jobs] == [jobs[4].job_id, jobs[3].job_id]
    assert found_page.before_id == jobs[3].job_id


@pytest.mark.parametrize("prompt", [None, 7, ["red"], "", "\0red\0", "x" * 50_000, "😀" * 3])
async def test_whatever_a_prompt_is_the_index_goes_on_behind_it(
    store: Store, prompt: object
) -> None:
    await submit(store, prompt)
    await submit(store, "a red fox")
    assert await index(store) == 2
    assert "a red fox" in await found(store, "red fox")


@pytest.mark.parametrize("text", ['"', '"""', "' or 1", "a AND b", "{1,2}", "grams:*", "\0\0\0"])
async def test_a_search_takes_any_text(store: Store, text: str) -> None:
    await submit(store, f"before {text} behind")
    await index(store)
    assert await found(store, f"re {text} be") == [f"before {text} behind"]


async def test_the_prompts_of_pruned_jobs_are_forgotten(store: Store) -> None:
    await an_ended_job(store, input={"prompt": "an old fox"})
    await an_ended_job(store, at=NEW, input={"prompt": "a new fox"})
    await index(store)
    assert await prune(store, Kept.JOBS) == 1
    assert await found(store, "fox") == ["a new fox"]


async def test_jobs_after_all_were_pruned_are_indexed_too(store: Store) -> None:
    for _ in range(3):
        await an_ended_job(store)
    await index(store)
    assert await prune(store, Kept.JOBS) == 3
    await submit(store, "the first of the new")
    assert await index(store) == 1
    assert await found(store, "first") == ["the first of the new"]


async def test_where_commits_may_overtake_each_other_the_newest_wait(store: Store) -> None:
    job = await submit(store, "a red fox")
    # A store of one process has commits in order, and need not wait.
    expected = 0 if store.is_shared else 1
    assert await index(store, before_ms=job.created_at_ms) == expected
