"""Advances the emulator's time from one due moment to the next, so that none is skipped."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from ringback.lab.clock import LabClock

_MACHINE_STEPS_MAX = 100_000
_FILE = "lab-clock.json"


class Advanced(Struct, frozen=True, kw_only=True):
    """The result of advancing the clock."""

    before_ms: int
    now_ms: int
    attempts_count: int  # attempts that were made on the way


class Stepping:
    """The emulator's time, as developers may move it.

    ``next_due_ms`` says when the next webhook may go, ``dispatch`` sends the due webhooks and
    returns the number of attempts once they are recorded.
    """

    def __init__(
        self,
        clock: LabClock,
        *,
        next_due_ms: Callable[[], Awaitable[int | None]],
        dispatch: Callable[[], Awaitable[int]],
        directory: Path,
    ) -> None:
        self._clock = clock
        self._next_due_ms = next_due_ms
        self._dispatch = dispatch
        self._directory = directory
        self._moving = asyncio.Lock()

    def now_ms(self) -> int:
        """Return the emulator's time."""
        return self._clock.now_ms()

    def ahead_ms(self) -> int:
        """Return how far that is ahead of the machine's."""
        return self._clock.ahead_ms

    async def advance(self, seconds: float) -> Advanced:
        """Advance from one due moment to the next; return when all due webhooks were attempted."""
        async with self._moving:
            before_ms = self._clock.now_ms()
            target_ms = before_ms + round(seconds * 1000)
            attempts_count = 0
            for _ in range(_MACHINE_STEPS_MAX):
                made = await self._dispatch()
                attempts_count += made
                due_ms = await self._next_due_ms()
                if due_ms is None or due_ms > target_ms:
                    break
                now_ms = self._clock.now_ms()
                if due_ms <= now_ms and not made:
                    break  # it is held or has no room: time does not mend that
                self._move(max(0, due_ms - now_ms))
            self._move(max(0, target_ms - self._clock.now_ms()))
            attempts_count += await self._dispatch()
            return Advanced(
                before_ms=before_ms, now_ms=self._clock.now_ms(), attempts_count=attempts_count
            )

    def _move(self, ms: int) -> None:
        self._clock.advance(ms / 1000)
        keep_ahead_ms(self._directory, self._clock.ahead_ms)


def keep_ahead_ms(directory: Path, ahead_ms: int) -> None:
    """Keep how far the clock was advanced, so that due webhooks stay due over a restart."""
    beside = directory / f"{_FILE}.new"
    beside.write_text(json.dumps({"ahead_ms": ahead_ms}), "utf-8")
    os.replace(beside, directory / _FILE)


def kept_ahead_ms(directory: Path) -> int:
    """Return how far the clock had been advanced when the emulator stopped."""
    try:
        ahead_ms = json.loads((directory / _FILE).read_text("utf-8"))["ahead_ms"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return ahead_ms if isinstance(ahead_ms, int) and ahead_ms > 0 else 0


def forget_ahead(directory: Path) -> None:
    """Set a directory's time to the machine's again."""
    with suppress(OSError):
        (directory / _FILE).unlink(missing_ok=True)
