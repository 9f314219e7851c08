"""Writes lines in a thread, so that a reader that has stopped reading does not block the server.

A write to a full pipe, or to a terminal that is paused, blocks until the other side reads. In the
event loop such a write would stop all requests, and the shutdown too.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

LINES_MAX = 1_000
"""How many lines may wait to be written; further ones are dropped and counted."""
_PATIENCE_S = 0.5  # for the last lines of a process that ends

_begun: list[Outlet] = []


class Outlet:
    """Passes lines to a writing thread in their order, without waiting for it."""

    def __init__(
        self, write: Callable[[bytes], None], on_left_out: Callable[[int], object]
    ) -> None:
        self._write = write
        self._on_left_out = on_left_out
        self._left_out = 0
        self._pid = 0  # of the process in which the thread runs: a fork has none
        # Unlike Queue.put, SimpleQueue.put is reentrant: a finalizer may log during a put.
        self._waiting: SimpleQueue[bytes | threading.Event] = SimpleQueue()

    def put(self, line: bytes) -> None:
        """Queue a line for writing, or drop and count it when too many are waiting."""
        if self._pid != os.getpid():
            self._begin()
        if self._waiting.qsize() >= LINES_MAX:
            self._left_out += 1
        else:
            self._waiting.put(line)

    def flush(self, patience_s: float) -> None:
        """Wait until all lines so far are written, but no longer than that."""
        if self._pid == os.getpid():
            written = threading.Event()
            self._waiting.put(written)
            written.wait(patience_s)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._left_out = 0
        self._waiting = SimpleQueue()
        threading.Thread(target=self._run, name="log", daemon=True).start()
        if self not in _begun:
            _begun.append(self)

    def _run(self) -> None:
        while True:
            line = self._waiting.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            self._write(line)
            if self._left_out and self._waiting.empty():
                count, self._left_out = self._left_out, 0
                self._on_left_out(count)


def flush(patience_s: float = _PATIENCE_S) -> None:
    """Wait shortly for lines that are not written yet, before the process ends."""
    for outlet in _begun:
        outlet.flush(patience_s)


atexit.register(flush)
