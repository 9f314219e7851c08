"""A transport whose close lets the client finish sending, so that it reads the answer.

A socket that is closed with unread bytes resets the connection, and a client that is still sending
loses the answer that was sent before (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class LingeringTransport(asyncio.Transport):
    """Passes all to another transport; ``close`` ends only the sending while a request comes."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        is_receiving: Callable[[], bool],
        on_linger: Callable[[], None],
    ) -> None:
        super().__init__()
        self._transport = transport
        self._is_receiving = is_receiving
        self._on_linger = on_linger
        self._lingers = False

    def close(self) -> None:
        """Close, or end the sending and call ``on_linger``, whose owner calls ``end`` later."""
        if self.is_closing():
            return
        if not self._is_receiving():
            self._transport.close()
            return
        self._lingers = True
        with suppress(OSError):  # the client has left: reading finds that out
            self._transport.write_eof()
        self._on_linger()

    def end(self) -> None:
        """Close even if a request is still coming."""
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether nothing more can be sent."""
        return self._lingers or self._transport.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, unless the sending has ended."""
        if not self._lingers:
            self._transport.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection, such as its addresses."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Receive nothing until ``resume_reading``."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._transport.resume_reading()
