"""Which files of the package a piece of work enters: functions called, in every thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import ringback

_PACKAGE = Path(ringback.__file__).parent
_PREFIX = f"{_PACKAGE}/"
# Fakes, the emulator's faults around the steps, and the server's own tick, which falls due within a
# walk on a slow machine alone.
_APART = ("testing/", "lab/", "http/server.py")


class Tracer:
    """Records the files of the package whose functions are called while a walk is recorded.

    It must be on before the threads start that are to be seen.
    """

    def __init__(self) -> None:
        self._entered: dict[str, None] | None = None

    @contextmanager
    def on(self) -> Iterator[None]:
        """See every call of this thread, and of those that start in the context."""
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @contextmanager
    def walk(self) -> Iterator[list[str]]:
        """Yield a list that has, after the context, the files entered in it, in their order."""
        files: list[str] = []
        entered: dict[str, None] = {}
        self._entered = entered
        try:
            yield files
        finally:
            self._entered = None
        files += [name for name in entered if not name.startswith(_APART)]

    def _see(self, frame: FrameType, event: str, _arg: object) -> None:
        entered = self._entered
        if entered is None or event != "call":
            return
        path = frame.f_code.co_filename
        if path.startswith(_PREFIX) and path.endswith(".py"):  # templates are compiled, too
            entered.setdefault(path[len(_PREFIX) :])
