from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import resource
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from ringback.clock import Clock
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.service import JobService
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from tests.builders import open_workspaces
from tests.event_loop import WatchedLoop
from tests.postgres import Databases, a_server

# The logs of single attempts would be most of a failing test's output.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))

# A deadline for each example would be a timed test, which a busy machine fails at random.
settings.register_profile("ringback", deadline=None, max_examples=50)
settings.load_profile("ringback")

USUAL_LIMIT_S = 60  # of a test that names none


def pytest_configure() -> None:
    """Have programs that tests start end on signals, also where this process ignores them.

    A shell starts its background jobs with SIGINT ignored, ``nohup`` with SIGHUP, and children
    inherit that.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every asynchronous test on a loop that no connection survives."""
    return {"watched": WatchedLoop}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every worker begin with the files that may take longest, so that none ends last."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    files: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    limits_s = {path: max(map(_limit_s, files[path])) for path in files}
    long = sorted(
        (path for path in files if limits_s[path] > USUAL_LIMIT_S), key=limits_s.__getitem__
    )
    short = [item for item in items if item.path not in set(long)]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        # A worker gets as many tests as any other, one after the other in the list.
        dealt += [item for path in long[::-1][worker::workers] for item in files[path]]
        room = len(items) * (worker + 1) // workers - len(dealt)
        dealt += short[:room] if room > 0 else []
        del short[: max(0, room)]
    items[:] = [*dealt, *short]


def _limit_s(item: pytest.Item) -> float:
    """Return how long the test may take, where it says so itself."""
    marker = item.get_closest_marker("timeout")
    return 0.0 if marker is None else float(marker.args[0]) or math.inf


@pytest.fixture(autouse=True)
def unlimited_process() -> Iterator[None]:
    """Fail a test that limits its own process: every later test there would have the limit."""
    before = _limits_of_process()
    yield
    assert _limits_of_process() == before, "run this in a process of its own"


def _limits_of_process() -> tuple[object, ...]:
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    return (*map(resource.getrlimit, kinds), os.getpriority(os.PRIO_PROCESS, 0))


@pytest.fixture
def on_path(tmp_path: Path) -> str:
    """A PATH on which ``ringback`` is a program, as after ``pip install``."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/ringback"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ringback "$@"\n', "utf-8")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The session's PostgreSQL server; it starts when a test first asks for it."""
    with a_server() as dsn:
        made = Databases(dsn)
        yield made
        made.close()


@pytest.fixture
def clock() -> Clock:
    return FakeClock()


@pytest.fixture
def wakeups() -> Wakeups:
    return Wakeups()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "data")
    await open_workspaces(opened, "studio", "rival")
    yield opened
    await opened.close()


@pytest.fixture
def service(store: SqliteStore, clock: Clock, wakeups: Wakeups) -> JobService:
    return JobService(
        store,
        clock=clock,
        ids=Ids(clock.now_ms, random.Random(3).getrandbits),
        limits=Limits(active_max=4, backlog_max=10),
        wakeups=wakeups,
    )
