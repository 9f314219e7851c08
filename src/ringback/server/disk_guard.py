"""Refuses new work while the data directory's disk is nearly full, or the directory is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from ringback.clock import Clock
from ringback.errors import StorageFull, StorageUnavailable
from ringback.log import get_logger
from ringback.settings import Settings

log = get_logger(__name__)

_MEASURE_EVERY_S = 1.0


class DiskGuard:
    """Measures the free space of the disk; its reserve lets running work finish.

    ``is_gone`` says whether the database's file was removed: new rows would go nowhere.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, is_gone: Callable[[], bool] = lambda: False
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._is_gone = is_gone
        self._was_gone = False
        self._measure_at = 0.0
        self._free_bytes = 0

    def check(self) -> None:
        """Raise ``StorageFull`` with less free than the reserve, ``StorageUnavailable`` if gone.

        Both are looked up once a second.
        """
        now = self._clock.monotonic()
        if now >= self._measure_at:
            self._measure()
            self._measure_at = now + _MEASURE_EVERY_S
        if self._was_gone:
            raise StorageUnavailable(
                "The database was removed while the server ran; start the server again."
            )
        if self._free_bytes < self._settings.disk_reserve_bytes:
            raise StorageFull(
                "The server's disk is nearly full, so it takes no new jobs; "
                "free some space and try again."
            )

    def _measure(self) -> None:
        is_gone = self._is_gone()
        try:
            self._free_bytes = shutil.disk_usage(self._settings.data).free
        except FileNotFoundError:
            is_gone = True
        if is_gone and not self._was_gone:
            log.error("data_directory_gone", path=str(self._settings.data))
        self._was_gone = is_gone
