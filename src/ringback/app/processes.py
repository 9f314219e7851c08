"""Several processes of one kind on one machine: started together, kept up, drained together.

Each has a listening socket of its own on the one port, so that the system spreads connections over
them. The parent holds the sockets too: what waits in a dead child's is served by its successor.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from ringback.clock import SystemClock
from ringback.errors import RingbackError
from ringback.http_server import listen
from ringback.log import get_logger
from ringback.settings import Settings

log = get_logger(__name__)

_FAILED = 1
_BEGUN_S = 5.0  # a child that lives for less is begun again later and later
_WAIT_S_MAX = 30.0
_READY = b"r"


@dataclass(slots=True, kw_only=True)
class Child:
    """One place for a process, whoever fills it."""

    listener: socket.socket | None
    pid: int | None = None
    ready: int = -1  # a pipe that says so
    is_ready: bool = False
    begun_at: float = 0.0
    begin_at: float = 0.0  # when to begin again
    deaths: int = field(default=0)


RunOne = Callable[[socket.socket | None, int, Callable[[], None]], None]
"""Serves on a socket until told to end or the lifeline is cut; says when it is ready."""


class Processes:
    """A parent and its children."""

    def __init__(self, settings: Settings, run_one: RunOne) -> None:
        self._run_one = run_one
        self._clock = SystemClock()
        self._children = [Child(listener=one) for one in _listeners(settings)]
        self._lifeline, self._held = os.pipe()  # the children see its end when we are gone
        self._signals, self._woken = socket.socketpair()
        self._select = selectors.DefaultSelector()
        self._is_stopping = False
        self._was_ready = False

    @property
    def listener(self) -> socket.socket | None:
        """One of the sockets, for its address; None without an API."""
        return self._children[0].listener

    def run(self, on_ready: Callable[[], None]) -> int:
        """Keep the children up until SIGTERM or SIGINT; return the exit status."""
        self._catch()
        while True:
            self._begin_those_due()
            for key, _ in self._select.select(self._wait_s()):
                self._hear(key, on_ready)
            status = self._reap()
            if status is not None:
                return status

    def _catch(self) -> None:
        for end in (self._signals, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._select.register(self._signals, selectors.EVENT_READ)

    def _wait_s(self) -> float | None:
        waiting = [one.begin_at for one in self._children if one.pid is None]
        if self._is_stopping or not waiting:
            return None
        return max(0.0, min(waiting) - self._clock.monotonic())

    def _begin_those_due(self) -> None:
        for child in self._children:
            if (
                child.pid is None
                and not self._is_stopping
                and child.begin_at <= self._clock.monotonic()
            ):
                self._begin(child)

    def _begin(self, child: Child) -> None:
        child.ready, told = os.pipe()
        child.is_ready = False
        child.begun_at = self._clock.monotonic()
        child.pid = os.fork()
        if child.pid == 0:
            self._be(child, told)
        os.close(told)
        self._select.register(child.ready, selectors.EVENT_READ, child)

    def _be(self, child: Child, told: int) -> None:
        """Be that child, to the end of the process."""
        status = 0
        try:
            self._select.close()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._held)
            for other in self._children:
                if other is not child and other.listener is not None:
                    other.listener.close()
            self._run_one(child.listener, self._lifeline, lambda: _say(told))
        except RingbackError as exc:
            print(f"ringback: {exc}", file=sys.stderr)
            status = _FAILED
        except BaseException:
            log.exception("process_broke")
            status = _FAILED
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _hear(self, key: selectors.SelectorKey, on_ready: Callable[[], None]) -> None:
        if key.data is None:
            for number in self._signals.recv(64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
            return
        child: Child = key.data
        child.is_ready = os.read(child.ready, 1) == _READY
        self._forget(child)
        if all(one.is_ready for one in self._children) and not self._was_ready:
            self._was_ready = True
            on_ready()

    def _forget(self, child: Child) -> None:
        self._select.unregister(child.ready)
        os.close(child.ready)
        child.ready = -1

    def _stop(self) -> None:
        """Pass the signal on; a second one does not let them finish, and that is passed on too."""
        self._is_stopping = True
        for child in self._children:
            if child.pid is not None:
                os.kill(child.pid, signal.SIGTERM)

    def _reap(self) -> int | None:
        """Take note of who ended; return the exit status once that is all of us."""
        for child in self._children:
            if child.pid is None or os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                continue
            self._bury(child)
        if any(child.pid is not None for child in self._children):
            return None
        if self._is_stopping:
            return 0 if self._was_ready else _FAILED
        return None

    def _bury(self, child: Child) -> None:
        pid, child.pid = child.pid, None
        if child.ready != -1:
            self._forget(child)
        if self._is_stopping:
            return
        if not self._was_ready:
            self._stop()  # it could not start, and has said why; nor will the others
            return
        now = self._clock.monotonic()
        child.deaths = child.deaths + 1 if now - child.begun_at < _BEGUN_S else 0
        wait_s = min(2.0 ** (child.deaths - 1), _WAIT_S_MAX) if child.deaths else 0.0
        child.begin_at = now + wait_s
        log.error("process_died", pid=pid, begun_again_in_s=wait_s)


def _say(told: int) -> None:
    os.write(told, _READY)
    os.close(told)


def _listeners(settings: Settings) -> list[socket.socket | None]:
    """Return a socket for each process, all on one port; None each when there is no API."""
    if "api" not in settings.roles:
        return [None] * settings.processes
    first = listen(settings.host, settings.port, shared=True)
    port: int = first.getsockname()[1]
    rest = [listen(settings.host, port, shared=True) for _ in range(settings.processes - 1)]
    return [first, *rest]
