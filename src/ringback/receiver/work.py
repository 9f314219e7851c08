"""Runs handlers: claims due receipts from the ledger, calls the handler, retries failures."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

from ringback.client.clock import Time
from ringback.receiver.event import WebhookEvent, event_of
from ringback.receiver.handlers import Handler, Handlers, again_after_s
from ringback.receiver.ledgers.contract import Held, LeaseLost, Ledger
from ringback.receiver.verification import Signed

log = logging.getLogger("ringback.receiver")

_AT_ONCE = 8
_POLL_S = 1.0  # another process may have recorded a webhook
_SOON_S = 0.01


class Work:
    """Calls handlers for receipts, in a thread or on an event loop."""

    def __init__(
        self,
        ledger: Ledger,
        handlers: Handlers,
        *,
        clock: Time,
        rng: Random,
        lease_s: float,
        attempts_max: int,
    ) -> None:
        self._ledger = ledger
        self._handlers = handlers
        self._clock = clock
        self._rng = rng
        self._lease_s = lease_s
        self._attempts_max = attempts_max
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._thread_of_process = 0
        self._stopping = threading.Event()
        self._rung = threading.Event()
        self.may_start = True
        self._ring_loop: Callable[[], None] | None = None

    def ring(self) -> None:
        """Wake the thread or loop that calls handlers; start a thread if there is neither."""
        if self._ring_loop is not None:
            self._ring_loop()
        elif self.may_start:
            self.start()
            self._rung.set()

    def start(self) -> None:
        """Start the thread unless it runs; a forked process needs a thread of its own."""
        with self._lock:
            if self._thread_of_process == os.getpid() and self._thread is not None:
                return
            self._stopping, self._rung = threading.Event(), threading.Event()
            self._held = {}
            self._thread_of_process = os.getpid()
            self._thread = threading.Thread(target=self._run, name="ringback-work", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let the running handler end, then end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and self._thread_of_process == os.getpid():
            self._stopping.set()
            self._rung.set()
            thread.join()

    def run_due(self) -> int:
        """Call the handlers of all due receipts here and now; return how many there were."""
        count = 0
        with asyncio.Runner() as runner:
            while claimed := self._claim(1):
                self._do(claimed[0], runner)
                count += 1
        return count

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Call the handlers on this event loop for the time of the context."""
        self.stop()
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()
        self._ring_loop = lambda: cast("None", loop.call_soon_threadsafe(rung.set))
        beating = asyncio.create_task(self._abeat())
        working = asyncio.create_task(self._arun(rung))
        try:
            yield
        finally:
            self._ring_loop = None
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    # in a thread

    def _run(self) -> None:
        stopping, rung = self._stopping, self._rung
        beating = threading.Thread(
            target=self._beat, args=(stopping,), name="ringback-leases", daemon=True
        )
        beating.start()
        with asyncio.Runner() as runner:
            while not stopping.is_set():
                try:
                    claimed = self._claim(1)
                except Exception:
                    log.exception("the ledger cannot be read; looking again")
                    stopping.wait(_POLL_S)
                    continue
                if claimed:
                    self._do(claimed[0], runner)
                else:
                    rung.wait(self._idle_s())
                    rung.clear()
        beating.join()

    def _beat(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._lease_s / 3):
            self._extend()

    def _do(self, held: Held, runner: asyncio.Runner) -> None:
        handler, event = self._handler_for(held)
        try:
            if handler is not None and handler.is_async:
                runner.run(handler.call(event))
                self._ledger.done(held)
            else:
                self._call(handler, event, held)
        except Exception as exc:
            self._broke(held, exc)
        finally:
            self._held.pop(held.receipt.key, None)

    # on an event loop

    async def _arun(self, rung: asyncio.Event) -> None:
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                room = _AT_ONCE - len(tasks)
                claimed = await self._aclaimed(room) if room else []
                for held in claimed:
                    task = asyncio.create_task(self._ado(held))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    task.add_done_callback(lambda _task: rung.set())
                if not claimed:
                    idle_s = await asyncio.to_thread(self._idle_s)
                    await _wait(rung, idle_s)
        finally:
            # Running handlers may end; no more receipts are claimed.
            if tasks:
                await asyncio.wait(tasks)

    async def _aclaimed(self, room: int) -> list[Held]:
        try:
            return await asyncio.to_thread(self._claim, room)
        except Exception:
            log.exception("the ledger cannot be read; looking again")
            return []

    async def _ado(self, held: Held) -> None:
        handler, event = self._handler_for(held)
        try:
            if handler is not None and handler.is_async:
                await handler.call(event)
                await asyncio.to_thread(self._ledger.done, held)
            else:
                await asyncio.to_thread(self._call, handler, event, held)
        except Exception as exc:
            await asyncio.to_thread(self._broke, held, exc)
        finally:
            self._held.pop(held.receipt.key, None)

    async def _abeat(self) -> None:
        while True:
            await _wait(asyncio.Event(), self._lease_s / 3)
            await asyncio.to_thread(self._extend)

    # in both

    def _claim(self, limit: int) -> list[Held]:
        claimed = self._ledger.claim(now_s=self._clock.now_s(), lease_s=self._lease_s, limit=limit)
        for held in claimed:
            self._held[held.receipt.key] = held
        return claimed

    def _handler_for(self, held: Held) -> tuple[Handler | None, WebhookEvent]:
        receipt = held.receipt
        signed = Signed(
            webhook_id=receipt.webhook_id,
            timestamp_s=receipt.timestamp_s,
            event=receipt.type,
            attempt=1,
        )
        return self._handlers.for_type(receipt.type), event_of(signed, receipt.body)

    def _call(self, handler: Handler | None, event: WebhookEvent, held: Held) -> None:
        if handler is not None and handler.is_transactional:
            ledger: Any = self._ledger
            try:
                with ledger.transaction(held) as connection:
                    handler.call(event, connection)
            except LeaseLost:
                log.warning("webhook claimed by another: webhook_id=%s", held.receipt.webhook_id)
            return
        if handler is not None:
            handler.call(event)
        self._ledger.done(held)

    def _broke(self, held: Held, exc: Exception) -> None:
        wait_s = again_after_s(held.attempts_count, attempts_max=self._attempts_max, rng=self._rng)
        known = (held.receipt.webhook_id, held.receipt.type, held.attempts_count)
        if wait_s is None:
            log.error("webhook given up: %s %s after %d attempts", *known, exc_info=exc)
        else:
            log.warning("handler broke: %s %s, attempt %d", *known, exc_info=exc)
        again_at_s = None if wait_s is None else self._clock.now_s() + wait_s
        try:
            self._ledger.failed(held, again_at_s=again_at_s, error=f"{type(exc).__name__}: {exc}")
        except Exception:
            log.exception("the ledger cannot be written; the lease's end brings it back")

    def _extend(self) -> None:
        until_s = self._clock.now_s() + self._lease_s
        for held in list(self._held.values()):
            try:
                self._ledger.extend(held, until_s=until_s)
            except Exception:
                log.exception("a lease cannot be extended")

    def _idle_s(self) -> float:
        try:
            due_s = self._ledger.next_due_s()
        except Exception:
            return _POLL_S
        if due_s is None:
            return _POLL_S
        return min(max(due_s - self._clock.now_s(), _SOON_S), _POLL_S)


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        pass
    rung.clear()
