"""Bugs planted in the store: the checks below pass on the real one, and find each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.sqlite import SqliteStore
from ringback.storage.sqlite.commits import CommitThread
from ringback.storage.sqlite.statements import STATEMENTS
from ringback.storage.transactions.end import _write_outbox
from ringback.storage.transactions.work import TransactionFunction, TransactionScript
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_submission, an_event, an_id_factory, open_workspaces

NOW = 1_800_000_000_000
RECEIVER_URL = "https://shop.example/hook"


class Died(RuntimeError):
    """The process is gone: nothing more reaches the disk."""


class Mortal(SqliteStore):
    """A store whose process dies at its nth commit from now."""

    def die_at(self, commit: int) -> None:
        lives = iter(range(commit - 1))

        def commit_or_die() -> None:
            if next(lives, None) is None:
                raise Died
            self._connection.execute("commit")

        thread = self._commits
        assert isinstance(thread, CommitThread)
        thread._commit = commit_or_die  # type: ignore[method-assign]


class LateOutbox(Mortal):
    """Planted: the terminal status is committed first, its deliveries in a second one."""

    async def end_job(self, ending: Ending) -> bool:
        alone = replace(ending, after=replace(ending.after, webhook_url=None))
        won = await super().end_job(alone)
        if won:
            late_end = replace(ending.after, epoch=ending.before.epoch + 1)
            owe: TransactionFunction = _owe_late
            await self._writer.call(owe, (late_end, ending, self._id_factory))
        return won


def _owe_late(items: Any) -> TransactionScript[list[None]]:
    for _, ending, id_factory in items:
        event = replace(ending.event, event_id=id_factory.new_id())
        counters = yield from lock_counters({ending.after.workspace_id})
        yield from _write_outbox([replace(ending, event=event)], counters, id_factory)
        yield from counters.write()
    return [None] * len(items)


async def ends_without_a_delivery(kind: type[Mortal], directory: Path) -> int:
    """Return how many jobs are over and owe nothing, whichever commit their process died at."""
    found = 0
    for commit in (1, 2, 3):
        folder = directory / str(commit)
        store = await kind.open(folder, id_factory=an_id_factory())
        assert isinstance(store, Mortal)
        held = await a_held_job(store)
        store.die_at(commit)
        with suppress(Died):
            await store.end_job(an_ending(held))
        with suppress(Died):
            await store.submit(a_submission())  # any next call
        await store.close()
        after = await SqliteStore.open(folder)
        job = await after.get_job(held.job_id)
        assert job is not None
        if job.status.is_terminal and not await after.deliveries_of(job.job_id):
            found += 1
        await after.close()
    return found


async def test_a_delivery_written_after_the_terminal_commit_is_found(tmp_path: Path) -> None:
    assert await ends_without_a_delivery(Mortal, tmp_path / "real") == 0
    assert await ends_without_a_delivery(LateOutbox, tmp_path / "planted") == 1


async def a_held_job(store: SqliteStore) -> Job:
    await open_workspaces(store, "studio")
    await store.submit(a_submission(a_job(webhook_url=RECEIVER_URL)))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    return job


def an_ending(job: Job, *, url: str = "http://x/a.png") -> Ending:
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW, result=JobResult(urls=(url,)))
    return Ending(before=job, after=after, limits=ROOMY, event=an_event(job))


async def stale_results_that_won(directory: Path) -> int:
    """Return how many results of a worker that was paused past its lease were written."""
    store = await SqliteStore.open(directory, id_factory=an_id_factory())
    stale = await a_held_job(store)
    await store.requeue_job(advance(stale, JobEvent.RESCUE, now_ms=NOW))
    (rightful,) = await store.claim_jobs(
        engine="null", limit=1, worker_id="w2", lease_until_ms=NOW * 2
    )
    # It wakes up and finishes, before and after the one that holds the job now.
    won = [await store.end_job(an_ending(stale, url="http://x/stale.png"))]
    won.append(await store.end_job(an_ending(rightful)))
    won.append(await store.end_job(an_ending(stale, url="http://x/stale.png")))
    job = await store.get_job(stale.job_id)
    assert job is not None
    assert job.status is JobStatus.COMPLETED
    await store.close()
    assert job.result is not None
    return (won[0] is True) + (won[2] is True) + (job.result.urls == ("http://x/stale.png",))


@contextmanager
def without_the_epoch_check() -> Iterator[None]:
    """Planted: an ending is written even after the job changed hands."""
    before = STATEMENTS["jobs.end_jobs"]
    check = "and jobs.epoch = r.value ->> 1"
    assert check in before
    # Every writer gets a success.
    won = "1 + (select value ->> 1 from json_each(:rows) where value ->> 0 = jobs.job_id limit 1)"
    STATEMENTS["jobs.end_jobs"] = before.replace(check, "").replace(
        "returning jobs.job_id, jobs.epoch", f"returning jobs.job_id, {won}"
    )
    try:
        yield
    finally:
        STATEMENTS["jobs.end_jobs"] = before


async def test_an_epoch_check_that_was_removed_is_found(tmp_path: Path) -> None:
    assert await stale_results_that_won(tmp_path / "real") == 0
    with without_the_epoch_check():
        assert await stale_results_that_won(tmp_path / "planted") > 0
