"""Listens to what ComfyUI says of one prompt, beside the looks that the runner takes.

The socket is news and comfort, never truth: where it breaks it is opened again at a later look,
and how the prompt ended is asked of the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ringback.clock import Clock
from ringback.egress.dial import DialError
from ringback.egress.websocket import Messages
from ringback.engines.upstream.comfyui.messages import Ended, Listener, Preview, Progress
from ringback.engines.upstream.provider import File
from ringback.log import get_logger

log = get_logger(__name__)

_TELL_EVERY_S = 0.5  # each telling is a look
_PREVIEW_EVERY_S = 2.0  # each preview is kept, and written of
_ASK_EVERY_S = 10.0  # of the history, however much the socket says
_ENDINGS_TOLD_MAX = 8


class Watch:
    """One prompt's news: how far it is and how it looks, told of as they come."""

    def __init__(
        self,
        listener: Listener,
        *,
        open_socket: Callable[[], AbstractAsyncContextManager[Messages]],
        tell: Callable[[], None],
        clock: Clock,
        engine: str,
    ) -> None:
        self.fraction: float | None = None
        self.preview: File | None = None
        self.has_ended = False
        self.looked_at = self._asked_at = clock.monotonic()
        self._listener = listener
        self._open_socket = open_socket
        self._tell = tell
        self._told_at = -_TELL_EVERY_S
        self._shown_at = -_PREVIEW_EVERY_S
        self._endings_told = 0
        self._is_fresh = False
        self._clock = clock
        self._engine = engine
        self._listening = asyncio.create_task(self._listen())

    def take_news(self) -> bool:
        """Say whether what came since the last look will do, and nothing need be asked."""
        is_fresh, self._is_fresh = self._is_fresh, False
        now = self.looked_at = self._clock.monotonic()
        if is_fresh and not self.has_ended and now - self._asked_at < _ASK_EVERY_S:
            return True
        self._asked_at = now
        return False

    def listen_again(self) -> None:
        """Open the socket anew, if it was lost."""
        if self._listening.done() and not self.has_ended:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            async with self._open_socket() as messages:
                async for message in messages:
                    self._take(message)
        except DialError as exc:
            log.info("comfyui_unheard", engine=self._engine, reason=exc.reason.value)

    def _take(self, message: str | bytes) -> None:
        if self.has_ended:
            # The history has it a moment after the end was told; then the queue is told of.
            self._tell_of_end()
            return
        match self._listener.take(message):
            case None:
                return
            case Ended():
                self.has_ended = True
                self._tell_of_end()
                return
            case Progress(fraction=fraction):
                self.fraction = max(fraction, self.fraction or 0.0)
            case Preview(content=content):
                self._show(content)
        self._is_fresh = True
        self._tell_of_news()

    def _show(self, content: bytes) -> None:
        now = self._clock.monotonic()
        if now - self._shown_at >= _PREVIEW_EVERY_S:
            self._shown_at = now
            self.preview = File(content=content)

    def _tell_of_end(self) -> None:
        if self._endings_told < _ENDINGS_TOLD_MAX:
            self._endings_told += 1
            self._tell()

    def _tell_of_news(self) -> None:
        now = self._clock.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._tell()
