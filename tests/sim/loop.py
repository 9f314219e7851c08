"""A process of the simulation is an event loop; all of them share one virtual time.

Nothing here waits. A loop does one turn when it is told to, and time moves only because the world
moves it. A process that is paused is a loop that gets no turns; one that has crashed never gets
one again.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from typing import Any

from ringback.clock import SystemClock

_START_MS = 1_800_000_000_000


class VirtualTime:
    """The one time of a simulated machine: true seconds, and a wall clock that may be set."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.offset_ms = _START_MS
        self._set_at: list[tuple[float, int]] = []  # when the clock was set, and what it was before

    def wall_ms(self) -> int:
        """Return what the wall clock shows."""
        return int(self.now_s * 1000) + self.offset_ms

    def set_wall(self, by_ms: int) -> None:
        """Let the wall clock jump."""
        self._set_at.append((self.now_s, self.wall_ms()))
        self.offset_ms += by_ms

    def latest_wall_ms(self, since_s: float) -> int:
        """Return the latest that the wall clock has shown from then until now."""
        shown = (wall_ms for at_s, wall_ms in self._set_at if at_s >= since_s)
        return max(self.wall_ms(), *shown, 0)


class SimClock:
    """The ``Clock`` of simulated processes."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._sleep = SystemClock().sleep  # asyncio's, which asks the running loop

    def now_ms(self) -> int:
        return self._time.wall_ms()

    def monotonic(self) -> float:
        return self._time.now_s

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)


class SimLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as code without sockets and threads needs."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._ready: deque[events.Handle] = deque()
        self._timers: list[tuple[float, int, events.TimerHandle]] = []
        self._numbers = count()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._gone = False
        self.broken: list[dict[str, Any]] = []  # what nobody caught

    # for the world

    def next_at(self) -> float | None:
        """Return when there is something to do; None when nothing ever will be."""
        if self._ready:
            return self._time.now_s
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def turn(self) -> None:
        """Run what is ready now."""
        now_s = self._time.now_s
        timers = self._timers
        while timers and timers[0][0] <= now_s:
            self._ready.append(heapq.heappop(timers)[2])
        ready = self._ready
        events._set_running_loop(self)
        try:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()
        finally:
            events._set_running_loop(None)

    def end(self) -> None:
        """Let nothing of the process run any more, as if it were killed."""
        self._gone = True
        self._ready.clear()
        self._timers.clear()
        with self.running():
            while self._tasks:
                task, _ = self._tasks.popitem()
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                # What stands in finally clauses runs, but the loop takes nothing from it.
                if coroutine is not None and not task.done():
                    coroutine.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the running loop for the time of the context."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(before)

    # for asyncio

    def time(self) -> float:
        return self._time.now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self._gone

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        if not self._gone:
            self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> events.TimerHandle:
        return self.call_at(self._time.now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> events.TimerHandle:
        handle = events.TimerHandle(when, callback, args, self, context)
        if not self._gone:
            heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """Nothing is counted: cancelled timers are passed over when their time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any],  # type: ignore[override]
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run it here and now: there are no threads."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as exc:  # noqa: BLE001 - the caller is told
            future.set_exception(exc)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.broken.append(context)
