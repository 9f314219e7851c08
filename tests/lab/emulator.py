"""A lab for tests: its clock is real, and one attempt is made in every hour that is skipped."""

from __future__ import annotations

from ringback.lab.clock import LabClock
from ringback.lab.stepping import Advanced
from ringback.testing import FakeClock

START_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z


class HourlyLab:
    """Makes an attempt every hour."""

    def __init__(self, *, ahead_ms: int = 0) -> None:
        self.clock = LabClock(FakeClock(START_MS), ahead_ms=ahead_ms)

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def ahead_ms(self) -> int:
        return self.clock.ahead_ms

    async def advance(self, seconds: float) -> Advanced:
        before_ms = self.clock.now_ms()
        self.clock.advance(seconds)
        return Advanced(
            before_ms=before_ms, now_ms=self.clock.now_ms(), attempts_count=int(seconds // 3600)
        )
