"""A worker whose server crashes repeatedly is delayed by its predecessors' record."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ringback.testing import FakeClock
from ringback.worker import CrashGuard


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Workers:
    """Workers of one data directory, each the successor of one that was cut off."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._folder = folder
        self._clock = clock

    async def begun(self, *held_ids: str, most_s: float = 30, worker_id: str = "w") -> CrashGuard:
        async def held(_worker_id: str) -> Collection[str]:
            return held_ids

        guard = CrashGuard(self._folder, worker_id=worker_id, clock=self._clock, most_s=most_s)
        await guard.begin(held)
        return guard

    async def crash(self, times: int, *held_ids: str) -> None:
        for _ in range(times):
            kill(await self.begun(*held_ids))


def kill(guard: CrashGuard) -> None:
    """Have the system close the file, as it does when a process is gone, and nothing else."""
    guard._write = lambda: None  # type: ignore[method-assign]
    guard.close()


@pytest.fixture
def workers(tmp_path: Path, clock: FakeClock) -> Workers:
    return Workers(tmp_path / "workers", clock)


async def test_a_crash_loop_delays_a_worker_and_is_logged(
    workers: Workers, clock: FakeClock
) -> None:
    await workers.crash(3, "a", "b")
    with capture_logs() as logs:
        guard = await workers.begun("a", "b")
    assert [entry["event"] for entry in logs] == ["crash_loop"]
    assert (logs[0]["crashes"], logs[0]["jobs"], logs[0]["waiting_s"]) == (3, ["a", "b"], 1.0)
    assert not guard.may_claim()
    clock.advance(1)
    assert guard.may_claim()
    guard.close()


async def test_two_crashes_delay_no_worker(workers: Workers) -> None:
    await workers.crash(2, "a")
    guard = await workers.begun("a")
    assert guard.may_claim()
    assert guard.passed_over() == []
    guard.close()


async def test_an_orderly_stop_ends_the_record(workers: Workers) -> None:
    await workers.crash(9, "a")
    (await workers.begun("a")).close()
    guard = await workers.begun("a")
    assert guard.may_claim()
    assert guard.passed_over() == []
    guard.close()


async def test_suspects_run_one_at_a_time_until_each_has_done_no_harm(
    workers: Workers, clock: FakeClock
) -> None:
    await workers.crash(4, "a", "b", "c")
    guard = await workers.begun("a", "b", "c")
    let_in = {frozenset("abc") - set(guard.passed_over()) for _ in range(9)}
    assert let_in == {frozenset("a"), frozenset("b"), frozenset("c")}
    guard.started("b")
    assert sorted(guard.passed_over()) == ["a", "b", "c"]
    guard.ended("b")
    assert len(guard.passed_over()) == 1
    guard.started("a")
    clock.advance(3_600)  # it has run for long and the server lives
    assert guard.passed_over() == []
    guard.started("c")
    guard.started("unsuspected")
    guard.ended("c")
    guard.ended("unsuspected")
    assert guard.passed_over() == []
    guard.close()


async def test_a_crash_during_a_trial_puts_that_job_behind_the_others(
    workers: Workers, clock: FakeClock
) -> None:
    await workers.crash(3, "a", "b")
    guard = await workers.begun("a", "b")
    guard.started("a")
    kill(guard)
    guard = await workers.begun("a", "innocent")
    assert all(guard.passed_over() == ["a"] for _ in range(9))
    guard.started("b")
    guard.ended("b")
    assert guard.passed_over() == ["a"]
    clock.advance(31)
    assert guard.passed_over() == []
    guard.close()


async def test_workers_of_one_directory_have_records_of_their_own(workers: Workers) -> None:
    await workers.crash(3, "a")
    first = await workers.begun("a", worker_id="one")
    second = await workers.begun("b", worker_id="two")
    assert first.may_claim() is False
    assert second.may_claim() is True
    first.close()
    second.close()


async def test_the_record_of_a_crashed_worker_is_used_before_one_that_ended_in_order(
    workers: Workers,
) -> None:
    first, second = await workers.begun(), await workers.begun()
    first.close()
    kill(second)
    await workers.crash(2, "a")
    assert not (await workers.begun("a")).may_claim()


@pytest.mark.parametrize("content", [b"", b"\0\xff", b'{"crashes_ms": "x"}\n', b"[" * 9_999])
async def test_an_unreadable_record_counts_as_empty(
    workers: Workers, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "0.json").write_bytes(content)
    guard = await workers.begun("a")
    assert guard.may_claim()
    guard.close()


async def test_a_worker_without_a_directory_that_can_be_written_remembers_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "file").write_bytes(b"")
    workers = Workers(tmp_path / "file" / "workers", clock)
    await workers.crash(9, "a")
    assert (await workers.begun("a")).may_claim()


async def test_a_guard_without_a_wait_does_nothing(workers: Workers, tmp_path: Path) -> None:
    for _ in range(9):
        guard = await workers.begun("a", most_s=0)
        assert guard.may_claim()
        assert guard.passed_over() == []
    assert not (tmp_path / "workers").exists()
