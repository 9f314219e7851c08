"""A data directory that lives no longer than its server."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from ringback.errors import SetupError
from ringback.server.shutdown import also_before_leaving


@contextmanager
def temporary_data() -> Iterator[Path]:
    """Yield a new directory, which is deleted at the end, also after SIGTERM and SIGINT.

    Raises ``SetupError`` where no directory can be made.
    """
    # Before the server takes the signal over, and after that, SIGTERM would end the process here.
    before = signal.signal(signal.SIGTERM, _end)
    try:
        try:
            directory = Path(tempfile.mkdtemp(prefix="ringback-"))
        except OSError as exc:
            raise SetupError(
                f"No temporary directory can be made ({exc.strerror}); let TMPDIR name a "
                "directory with room, or use --data."
            ) from exc
        delete = partial(shutil.rmtree, directory, ignore_errors=True)
        try:
            with also_before_leaving(delete):
                yield directory
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            delete()
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
