"""Keeps a worker's record of crashes in the data directory, and delays its claims accordingly."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.log import get_logger
from ringback.worker import crash_loop
from ringback.worker.crash_loop import Record

log = get_logger(__name__)

_RECORDS_MAX = 1024  # one for each worker with this data directory
_RECORD_BYTES_MAX = 1 << 20
_JOBS_LOGGED_MAX = 20

InHand = Callable[[str], Awaitable[Collection[str]]]
"""Returns the jobs that a worker of that id holds."""


class CrashGuard:
    """Delays a worker whose server crashes repeatedly, and logs it.

    With ``most_s`` 0 the guard records nothing and delays no worker. Without a writable directory
    it remembers nothing, and the worker starts as if its predecessor had ended in order.
    """

    def __init__(self, folder: Path, *, worker_id: str, clock: Clock, most_s: float) -> None:
        self._clock = clock
        self._worker_id = worker_id
        self._most_s = most_s
        self._folder = folder
        self._file: int | None = None
        self._record = Record(worker_id=worker_id, is_over=False)
        self._begun_at: float | None = None
        self._wait_s = 0.0
        self._trial_began_at = 0.0
        self._turn = 0

    @classmethod
    def none(cls, clock: Clock) -> Self:
        """Return a guard that delays no worker."""
        return cls(Path(), worker_id="", clock=clock, most_s=0.0)

    async def begin(self, in_hand: InHand) -> None:
        """Read the jobs that the predecessor held, before the rescuer requeues them."""
        if self._begun_at is not None:
            return
        if self._file is None and self._most_s > 0:
            self._file = _lock_record(self._folder)
        before = Record() if self._file is None else _read(self._file)
        held = () if before.is_over else await in_hand(before.worker_id)
        self._record = crash_loop.next_record(
            before, held, worker_id=self._worker_id, now_ms=self._clock.now_ms()
        )
        # The record keeps the count: a worker that is killed during this wait adds nothing to it.
        self._wait_s = crash_loop.wait_s(self._record, most_s=self._most_s)
        self._begun_at = self._clock.monotonic()
        self._write()
        if self._wait_s > 0:
            log.error(
                "crash_loop",
                crashes=len(self._record.crashes_ms),
                jobs=sorted(held)[:_JOBS_LOGGED_MAX],
                waiting_s=self._wait_s,
                suspects=len(self._record.suspects),
            )

    def may_claim(self) -> bool:
        """Say whether the delay is over."""
        return self._since_begun_s() >= self._wait_s

    def passed_over(self) -> list[str]:
        """Return the jobs that may not be claimed now: all suspects except the next to try."""
        record = self._record
        if not record.suspects:
            return []
        if record.on_trial is not None:
            if self._clock.monotonic() - self._trial_began_at < record.trial_s:
                return list(record.suspects)
            self.ended(record.on_trial)
        candidates = crash_loop.may_be_tried(self._record, begun_s=self._since_begun_s())
        # Each call tries another one: another worker may hold this one, or it has ended.
        self._turn += 1
        next_tried = candidates[self._turn % len(candidates)] if candidates else None
        return [job_id for job_id in self._record.suspects if job_id != next_tried]

    def started(self, job_id: str) -> None:
        """Note that a job begins to run; a suspect's trial is written to the record first."""
        if job_id in self._record.suspects:
            self._trial_began_at = self._clock.monotonic()
            self._record = replace(self._record, on_trial=job_id)
            self._write()
            log.warning("suspect_tried", job_id=job_id, crashes=self._record.suspects[job_id])

    def ended(self, job_id: str) -> None:
        """Note that a job has run without a crash of the server."""
        if job_id in self._record.suspects:
            self._record = crash_loop.without_suspect(self._record, job_id)
            self._write()

    def close(self) -> None:
        """Write to the record that this worker ended in order."""
        if self._file is not None:
            if self._begun_at is not None:
                self._record = Record()
                self._write()
            os.close(self._file)
            self._file = None

    def _since_begun_s(self) -> float:
        return 0.0 if self._begun_at is None else self._clock.monotonic() - self._begun_at

    def _write(self) -> None:
        if self._file is None:
            return
        content = msgspec.json.encode(self._record) + b"\n"
        with suppress(OSError):  # on a full disk the previous record is better than none
            # A write before the truncation needs no new room for a record of the same length.
            os.ftruncate(self._file, os.pwrite(self._file, content, 0))


def _lock_record(folder: Path) -> int | None:
    """Return a locked record that no living worker has, if there is one."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        crashed = _crashed_record(folder)
        return _free_record(folder) if crashed is None else crashed
    return None


def _crashed_record(folder: Path) -> int | None:
    for path in sorted(folder.glob("*.json")):
        file = _locked(path)
        if file is not None:
            if not _read(file).is_over:
                return file
            os.close(file)
    return None


def _free_record(folder: Path) -> int | None:
    files = (_locked(folder / f"{number}.json") for number in range(_RECORDS_MAX))
    return next((file for file in files if file is not None), None)


def _locked(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _read(file: int) -> Record:
    with suppress(OSError, msgspec.DecodeError, ValueError):
        first_line = os.pread(file, _RECORD_BYTES_MAX, 0).partition(b"\n")[0]
        return msgspec.json.decode(first_line, type=Record)
    return Record()
