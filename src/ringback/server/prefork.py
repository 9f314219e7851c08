"""Starts several server processes on one machine, restarts dead ones, and drains all together.

Each child has its own listening socket on the shared port, so that the system spreads connections
over them. The parent holds the sockets too, so that the successor of a dead child serves the
connections that wait.
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
from ringback.concurrency.deadline import Deadline
from ringback.errors import RingbackError
from ringback.http.server import listen
from ringback.log import get_logger
from ringback.log.outlet import flush
from ringback.server.shutdown import CHILDREN_CUT_AFTER_S
from ringback.settings import Settings

log = get_logger(__name__)

_FAILED = 1
_HEALTHY_S = 5.0  # a child that lives for less is restarted after longer and longer waits
_RESTART_WAIT_S_MAX = 30.0
_KILLED_S = 1.0  # a killed child ends within this time, unless the system keeps it
_READY = b"r"


@dataclass(slots=True, kw_only=True)
class Child:
    """A child process and its successors, which share a socket."""

    listener: socket.socket | None
    pid: int | None = None
    ready: int = -1  # the pipe on which the child reports that it is ready
    is_ready: bool = False
    started_at: float = 0.0
    start_at: float = 0.0  # when to restart it
    deaths: int = field(default=0)
    is_killed: bool = False


RunOne = Callable[[socket.socket | None, int, Callable[[], None]], None]
"""Serves on a socket until a signal or the end of the lifeline, and calls back when it is ready."""


class Processes:
    """A parent and its children."""

    def __init__(self, settings: Settings, run_one: RunOne) -> None:
        self._run_one = run_one
        self._is_json = settings.log_format == "json"
        self._clock = SystemClock()
        self._children = [Child(listener=one) for one in _listeners(settings)]
        self._lifeline, self._held = os.pipe()  # its end tells the children that the parent is gone
        self._signals, self._woken = socket.socketpair()
        self._select = selectors.DefaultSelector()
        self._grace_s = settings.grace_s
        self._stopping: Deadline | None = None
        self._was_ready = False

    @property
    def listener(self) -> socket.socket | None:
        """Return one of the sockets, for its address; None without an API."""
        return self._children[0].listener

    def run(self, on_ready: Callable[[], None]) -> int:
        """Keep the children running until SIGTERM or SIGINT; return the exit status."""
        self._catch_signals()
        while True:
            self._start_due()
            for key, _ in self._select.select(self._wait_s()):
                self._handle(key, on_ready)
            self._kill_late()
            status = self._reap()
            if status is not None:
                return status

    def _catch_signals(self) -> None:
        for end in (self._signals, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._select.register(self._signals, selectors.EVENT_READ)

    def _wait_s(self) -> float | None:
        if self._stopping is not None:
            return self._stopping.left_s or _KILLED_S
        waiting = [one.start_at for one in self._children if one.pid is None]
        if not waiting:
            return None
        return max(0.0, min(waiting) - self._clock.monotonic())

    def _start_due(self) -> None:
        for child in self._children:
            if (
                child.pid is None
                and self._stopping is None
                and child.start_at <= self._clock.monotonic()
            ):
                self._start(child)

    def _start(self, child: Child) -> None:
        child.ready, ready_writer = os.pipe()
        child.is_ready = False
        child.started_at = self._clock.monotonic()
        child.pid = os.fork()
        if child.pid == 0:
            self._run_child(child, ready_writer)
        os.close(ready_writer)
        self._select.register(child.ready, selectors.EVENT_READ, child)

    def _run_child(self, child: Child, ready_writer: int) -> None:
        """Serve as that child until the process ends."""
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
            self._run_one(child.listener, self._lifeline, lambda: _report_ready(ready_writer))
        except RingbackError as exc:
            _report_failure(exc, as_event=self._is_json)
            status = _FAILED
        except BaseException:
            log.exception("process_broke")
            status = _FAILED
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            flush()
            os._exit(status)

    def _handle(self, key: selectors.SelectorKey, on_ready: Callable[[], None]) -> None:
        if key.data is None:
            for number in self._signals.recv(64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
            return
        child: Child = key.data
        child.is_ready = os.read(child.ready, 1) == _READY
        self._close_pipe(child)
        if all(one.is_ready for one in self._children) and not self._was_ready:
            self._was_ready = True
            on_ready()

    def _close_pipe(self, child: Child) -> None:
        self._select.unregister(child.ready)
        os.close(child.ready)
        child.ready = -1

    def _stop(self) -> None:
        """Pass a signal to the children; a second signal stops them without a drain."""
        if self._stopping is None:
            self._stopping = Deadline(self._grace_s + CHILDREN_CUT_AFTER_S, self._clock.monotonic)
        for child in self._children:
            if child.pid is not None:
                os.kill(child.pid, signal.SIGTERM)

    def _kill_late(self) -> None:
        """Kill children that outlive the grace time; their leases' ends release their work."""
        if self._stopping is None or self._stopping.left_s:
            return
        for child in self._children:
            if child.pid is not None and not child.is_killed:
                child.is_killed = True
                log.warning("process_cut", pid=child.pid)
                os.kill(child.pid, signal.SIGKILL)

    def _reap(self) -> int | None:
        """Handle children that ended; return the exit status once all have."""
        for child in self._children:
            if child.pid is None or os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                continue
            self._handle_end(child)
        if any(child.pid is not None for child in self._children):
            return None
        if self._stopping is not None:
            return 0 if self._was_ready else _FAILED
        return None

    def _handle_end(self, child: Child) -> None:
        pid, child.pid = child.pid, None
        if child.ready != -1:
            self._close_pipe(child)
        if self._stopping is not None:
            return
        if not self._was_ready:
            self._stop()  # it could not start and has logged why; the others would fail alike
            return
        now = self._clock.monotonic()
        child.deaths = child.deaths + 1 if now - child.started_at < _HEALTHY_S else 0
        wait_s = min(2.0 ** (child.deaths - 1), _RESTART_WAIT_S_MAX) if child.deaths else 0.0
        child.start_at = now + wait_s
        log.error("process_died", pid=pid, begun_again_in_s=wait_s)


def _report_failure(error: RingbackError, *, as_event: bool) -> None:
    if as_event:
        log.error("process_failed", reason=str(error))
    else:
        print(f"ringback: {error}", file=sys.stderr)


def _report_ready(ready_writer: int) -> None:
    os.write(ready_writer, _READY)
    os.close(ready_writer)


def _listeners(settings: Settings) -> list[socket.socket | None]:
    """Return a socket for each process, all on one port; None each when there is no API."""
    if "api" not in settings.roles:
        return [None] * settings.processes
    first = listen(settings.host, settings.port, shared=True)
    port: int = first.getsockname()[1]
    rest = [listen(settings.host, port, shared=True) for _ in range(settings.processes - 1)]
    return [first, *rest]
