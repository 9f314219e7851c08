"""uvicorn's HTTP/1.1 protocol with bounds: on what is read before a request is one, and on time.

The parser underneath has none: whoever never ends a header would have the server hold and search
all that was sent, and whoever sends nothing would hold a connection for ever.
"""

from __future__ import annotations

import asyncio

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536  # also of trailers, and of anything else that is not a body

_PHRASES = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that do not end, and closes connections whose requests do not."""

    request_s_max = 30.0  # from a request's first byte to its last

    _unread_bytes = 0
    _request_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless what it makes nothing of grows too large."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(431, "The request's headers are too large; send fewer or shorter ones.")

    def on_message_begin(self) -> None:
        """Give the request its time."""
        super().on_message_begin()
        if self._request_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Count anew: the head has ended."""
        self._unread_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew: bodies are bounded by the routes that read them."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew, and let the answer take its time."""
        self._unread_bytes = 0
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the contract's shape."""
        self._refuse(400, msg)

    def _refuse(self, status: int, sentence: str) -> None:
        code = "headers_too_large" if status == 431 else "bad_request"
        body = msgspec.json.encode({"error": sentence, "message": sentence, "code": code})
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\nx-content-type-options: nosniff"
            b"\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (status, _PHRASES[status], len(body), body)
        )
        self.transport.close()

    def _start_timer(self) -> None:
        self._request_timer = self.loop.call_later(self.request_s_max, self.transport.close)

    def _stop_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None
