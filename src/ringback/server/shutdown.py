"""Ends a process within one deadline from the signal on, which all steps share.

Each step gets the time that is left. A step that is not over by then is abandoned and logged: no
accepted work is lost, because it is rescued when the leases end. A thread ends the process if even
that fails.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ringback.clock import SystemClock
from ringback.concurrency.deadline import Deadline, ends_in_time
from ringback.log import get_logger
from ringback.log.outlet import flush

log = get_logger(__name__)

CLOSING_S = 0.5
"""How long closing connections and threads may take after the grace time, in all."""
CUT_AFTER_S = 1.0
"""How long after the grace time a process that still runs is ended."""
CHILDREN_CUT_AFTER_S = 1.5
"""How long after the grace time a parent kills the children that still run."""

# The shares of the grace time by which requests, then jobs, then deliveries end.
REQUESTS_SHARE = 0.25
JOBS_SHARE = 0.6
GIVE_BACK_SHARE = 0.7
DELIVERIES_SHARE = 0.9


class Shutdown:
    """The steps by which a process ends."""

    def __init__(self, grace_s: float, *, on_begin: Callable[[], None] = lambda: None) -> None:
        self._grace_s = grace_s
        self._on_begin = on_begin
        self._grace: Deadline | None = None
        self._closing: Deadline | None = None
        self.step_name = "requests"
        self.has_abandoned = False

    def begin(self) -> None:
        """Start the deadline; later calls change nothing."""
        if self._grace is not None:
            return
        monotonic = SystemClock().monotonic
        self._grace = Deadline(self._grace_s, monotonic)
        self._closing = Deadline(self._grace_s + CLOSING_S, monotonic)
        self._on_begin()

    def left_until_s(self, share: float) -> float:
        """Return how long until that share of the grace time has passed."""
        if self._grace is None:
            return self._grace_s * share
        return self._grace.left_until_s(share)

    @property
    def left_s(self) -> float:
        """Return how much time is left for closing."""
        return self._grace_s + CLOSING_S if self._closing is None else self._closing.left_s

    async def step(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run a step in the time that is left; log its exception, so that the next step runs."""
        self.step_name = name
        try:
            is_over = await ends_in_time(work, self.left_s)
        except Exception:
            log.exception("stop_broke", what=name)
        else:
            if not is_over:
                self.abandoned(name)

    def abandoned(self, name: str) -> None:
        """Log a part that did not end in time, and remember it."""
        self.has_abandoned = True
        log.warning("stop_abandoned", what=name)

    def leave(self) -> None:
        """End the process at once if a part was abandoned, which would keep it running."""
        if self.has_abandoned or not self.left_s:
            leave()


def cut_after_grace(shutdown: Shutdown, grace_s: float) -> None:
    """Start a thread that ends the process a second after the grace time."""

    def cut() -> None:
        log.warning("stop_cut", what=shutdown.step_name)
        leave()

    timer = threading.Timer(grace_s + CUT_AFTER_S, cut)
    timer.daemon = True
    timer.start()


_before_leaving: list[Callable[[], object]] = []


@contextmanager
def also_before_leaving(work: Callable[[], object]) -> Iterator[None]:
    """Have a process that leaves inside the context do this work first."""
    _before_leaving.append(work)
    try:
        yield
    finally:
        _before_leaving.remove(work)


def leave() -> None:
    """End the process without waiting for threads or tasks."""
    for work in _before_leaving:
        with suppress(Exception):
            work()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    flush()
    os._exit(0)
