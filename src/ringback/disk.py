"""Keeps an eye on the data directory's disk."""

from __future__ import annotations

import shutil

from ringback.clock import Clock
from ringback.errors import StorageFull
from ringback.settings import Settings

_LOOK_EVERY_S = 1.0


class DiskGuard:
    """Keeps new work off a disk that is nearly full, so that running work has room to finish."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._look_at = 0.0
        self._free_bytes = 0

    def check(self) -> None:
        """Raise ``StorageFull`` when less than the reserve is free; looks once a second."""
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._free_bytes = shutil.disk_usage(self._settings.data).free
            self._look_at = now + _LOOK_EVERY_S
        if self._free_bytes < self._settings.disk_reserve_bytes:
            raise StorageFull(
                "The server's disk is nearly full, so it takes no new jobs; "
                "free some space and try again."
            )
