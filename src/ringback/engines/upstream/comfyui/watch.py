"""Follows one prompt over ComfyUI's WebSocket, beside the runner's polls.

The socket only brings progress and previews early. When it breaks, a later poll opens it again, and
the history alone decides how the prompt ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ringback.clock import Clock
from ringback.egress.dial import DialError
from ringback.egress.websocket import Messages
from ringback.engines.upstream.comfyui.messages import Ended, MessageReader, Preview, Progress
from ringback.engines.upstream.provider import File
from ringback.log import get_logger

log = get_logger(__name__)

_WAKE_EVERY_S = 0.5  # each wakeup is a poll
_PREVIEW_EVERY_S = 2.0  # each preview is stored and announced
_HISTORY_EVERY_S = 10.0  # the history is read at least this often
_END_WAKEUPS_MAX = 8


class Watch:
    """Keeps a prompt's latest progress and preview, and wakes the runner when they change."""

    def __init__(
        self,
        reader: MessageReader,
        *,
        open_socket: Callable[[], AbstractAsyncContextManager[Messages]],
        wake: Callable[[], None],
        clock: Clock,
        engine: str,
    ) -> None:
        self.fraction: float | None = None
        self.preview: File | None = None
        self.has_ended = False
        self.has_begun = False
        self.was_queued = False  # it waited, and the server has not been restarted since
        self.polled_at = self._history_at = clock.monotonic()
        self._reader = reader
        self._open_socket = open_socket
        self._wake = wake
        self._woken_at = -_WAKE_EVERY_S
        self._shown_at = -_PREVIEW_EVERY_S
        self._end_wakeups = 0
        self._has_updates = self._is_connected = False
        self._clock = clock
        self._engine = engine
        self._listening = asyncio.create_task(self._listen())

    def consume_updates(self) -> bool:
        """Return whether updates since the last poll make a request of the history unnecessary."""
        has_updates, self._has_updates = self._has_updates, False
        now = self.polled_at = self._clock.monotonic()
        if has_updates and not self.has_ended and now - self._history_at < _HISTORY_EVERY_S:
            return True
        self._history_at = now
        return False

    def saw_in_queue(self, *, is_running: bool) -> None:
        """Note that the prompt was in the server's queue, waiting or running."""
        self.has_begun = self.has_begun or is_running
        self.was_queued = self._is_connected

    def reconnect(self) -> None:
        """Open the socket again if it was lost."""
        if self._listening.done() and not self.has_ended:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Close the socket."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            async with self._open_socket() as messages:
                self._is_connected = True
                async for message in messages:
                    self._read(message)
        except DialError as exc:
            log.info("comfyui_socket_unavailable", engine=self._engine, reason=exc.reason.value)
        finally:
            # A server that closes its sockets may have been restarted.
            self._is_connected = self.was_queued = False

    def _read(self, message: str | bytes) -> None:
        if self.has_ended:
            # The history gets the end shortly after this message; later messages repeat the wakeup.
            self._wake_at_end()
            return
        match self._reader.read(message):
            case None:
                return
            case Ended():
                self.has_ended = True
                self._wake_at_end()
                return
            case Progress(fraction=fraction):
                self.has_begun = True
                self.fraction = max(fraction, self.fraction or 0.0)
            case Preview(content=content):
                self.has_begun = True
                self._show(content)
        self._has_updates = True
        self._wake_for_update()

    def _show(self, content: bytes) -> None:
        now = self._clock.monotonic()
        if now - self._shown_at >= _PREVIEW_EVERY_S:
            self._shown_at = now
            self.preview = File(content=content)

    def _wake_at_end(self) -> None:
        if self._end_wakeups < _END_WAKEUPS_MAX:
            self._end_wakeups += 1
            self._wake()

    def _wake_for_update(self) -> None:
        now = self._clock.monotonic()
        if now - self._woken_at >= _WAKE_EVERY_S:
            self._woken_at = now
            self._wake()
