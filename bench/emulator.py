"""``ringback dev``, on a PostgreSQL database too: what both engines of state are measured by.

``ringback serve`` calls no receiver on loopback, and the emulator keeps its data in a directory.
With BENCH_TRIPS, the round trips to PostgreSQL are written to the file of that name.
"""

from __future__ import annotations

import atexit
import os
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

from ringback.cli import main
from ringback.server import run


def count_trips(file: Path) -> None:
    """Count what is sent to PostgreSQL and awaited; write how often at the end."""
    import asyncpg

    trips = count()
    for name in ("fetch", "fetchval", "fetchrow", "execute"):
        _count_calls(asyncpg.Connection, name, trips)
    atexit.register(lambda: file.write_text(str(next(trips))))


def _count_calls(of: type[Any], name: str, calls: count[int]) -> None:
    method = getattr(of, name)

    @wraps(method)
    async def counted(*args: Any, **options: Any) -> Any:
        next(calls)
        return await method(*args, **options)

    setattr(of, name, counted)


if __name__ == "__main__":
    vars(run)["check_scale"] = lambda _settings: None
    if trips_file := os.environ.get("BENCH_TRIPS"):
        count_trips(Path(trips_file))
    main()
