"""uvicorn's HTTP/1.1 protocol with limits on a request's size and time, and answers that arrive.

The parser has no limits: a client that never ends a header would make the server keep and search
all that it sent, and one that sends nothing would keep its connection for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.http.close_delimited import CloseDelimitedCycle
from ringback.http.leaving import http_log
from ringback.http.lingering import LingeringTransport
from ringback.http.time_limits import Deadline, TimeLimits
from ringback.log import get_logger

log = get_logger(__name__)

_HTTP_LOG = http_log()

HEAD_BYTES_MAX = 65_536  # also of trailers, and of anything else that is not a body

_REFUSALS = {
    400: (b"Bad Request", "bad_request"),
    408: (b"Request Timeout", "request_too_slow"),
    431: (b"Request Header Fields Too Large", "headers_too_large"),
}


class BoundedProtocol(HttpToolsProtocol):
    """Refuses requests with too large a head, and those that take too long to arrive.

    A client that is refused, or answered early, gets the answer however much it still sends.
    """

    time_limits = TimeLimits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _HTTP_LOG
        self._unread_bytes = 0
        self._received_at_s = 0.0
        self._deadline: Deadline | None = None  # of a request that has not come whole
        self._is_head = False  # the deadline is that of a head
        self._is_refused = False  # all further bytes are dropped unread
        self._timer: asyncio.TimerHandle | None = None
        self._half_closed_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the connection as long for its first request as for any later one."""
        self._closing = LingeringTransport(
            transport,
            is_receiving=lambda: self._deadline is not None and not self._is_head,
            on_linger=self._linger,
        )
        super().connection_made(self._closing)
        self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._unset_keepalive_if_required()
        self._stop_timer()
        if self._half_closed_timer is not None:
            self._half_closed_timer.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether to answer a client that has ended its sending (RFC 9112, section 9.6).

        It may still read, as a shell's pipe does. One that has left looks the same, so the answer
        must begin soon, and an endless one is not sent.
        """
        is_cut = self._deadline is not None and not self._is_head
        self._deadline = None
        self._stop_timer()
        if self.transport.is_closing():
            return False
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        if is_cut:
            self._refuse(400, "The request ended before its body was whole.", may_linger=False)
            return False
        cycle.keep_alive = False
        if cycle.response_started:
            return cycle.chunked_encoding is False
        self._half_closed_timer = self.loop.call_later(
            self.time_limits.half_closed_s, self._leave_unanswered
        )
        return True

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and refuse the request when its head is too large."""
        self._unset_keepalive_if_required()
        self._received_at_s = self.loop.time()
        if not self._is_refused:
            self._unread_bytes += len(data)
            self._feed(data)
            if self._unread_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse(
                    431, "The request's headers are too large; send fewer or shorter ones."
                )
        if self._deadline is not None:
            if self._timer is None:
                self._start_timer()
        elif self.cycle is None or self.cycle.response_complete:
            self._wait_for_a_request()

    def on_message_begin(self) -> None:
        """Start the time of the head."""
        super().on_message_begin()
        self._deadline = self.time_limits.head(self._received_at_s)
        self._is_head = True

    def on_headers_complete(self) -> None:
        """Start the response and the time of the body, unless nobody would read the response."""
        if self._offers_another_protocol() or self.transport.is_closing():
            return
        self._unread_bytes = 0
        self._deadline = self.time_limits.body(self._received_at_s)
        self._is_head = False
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = CloseDelimitedCycle
            self.cycle.waiting_for_100_continue = False  # HTTP/1.0 has no interim responses

    def on_body(self, body: bytes) -> None:
        """Reset the count: the routes limit the bodies that they read."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the time: the response may take longer."""
        if self._offers_another_protocol():
            return
        self._unread_bytes = 0
        self._deadline = None
        super().on_message_complete()
        if self.transport.is_closing():
            self._closing.end()

    def shutdown(self) -> None:
        """Close the connection after its present response."""
        is_answered = self.cycle is None or self.cycle.response_complete
        if is_answered and self._deadline is not None:  # the rest is read by nobody
            self._deadline = self.time_limits.refused(self.loop.time())
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, but not one on which the rest of a request arrives."""
        if self._deadline is None:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Respond to malformed HTTP with an error document of the contract."""
        log.debug("http_request_invalid")
        self._refuse(400, msg)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._read_again(data[offer.args[0] :])
        except httptools.HttpParserError:
            if not self.transport.is_closing():
                self.send_400_response("Invalid HTTP request received.")

    def _offers_another_protocol(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _read_again(self, rest: bytes) -> None:
        """Read a head without its offer of another protocol, and the bytes after it.

        A server may ignore an offer (RFC 9110, section 7.8), but after one the parser passes over
        the request's body, and has no setting against that.
        """
        start = (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = [header for header in self.headers if header[0] != b"upgrade"]
        head = b"".join((b"%b %b HTTP/%b\r\n" % start, *(b"%b: %b\r\n" % one for one in kept)))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._feed(b"%b\r\n%b" % (head, rest))

    def _leave_unanswered(self) -> None:
        if not self.cycle.response_started:
            self._closing.end()

    def _refuse(self, status: int, sentence: str, *, may_linger: bool = True) -> None:
        """Answer, and drop all further bytes; a response that has begun is only cut off."""
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self._closing.end()
                return
            self.cycle.disconnected = True  # the application goes on as if the client had left
            self.cycle.message_event.set()
        phrase, code = _REFUSALS[status]
        body = msgspec.json.encode({"error": sentence, "message": sentence, "code": code})
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\nx-content-type-options: nosniff"
            b"\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (status, phrase, len(body), body)
        )
        self._is_refused = True
        if may_linger:
            self._deadline = self.time_limits.refused(self.loop.time())
            self._is_head = False
        self.transport.close()

    def _linger(self) -> None:
        """Let the rest of the request come, which nobody reads, within its time."""
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self._start_timer()

    def _wait_for_a_request(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _start_timer(self) -> None:
        self._stop_timer()
        if self._deadline is not None:
            self._timer = self.loop.call_at(
                self._deadline.after(self._received_at_s), self._check_time
            )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_time(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now_s = self.loop.time()
        if self._is_our_turn():
            self._received_at_s = now_s  # the client cannot send, or cannot be answered yet
            if self._is_head:
                self._deadline = self.time_limits.head(now_s)
        if now_s < self._deadline.after(self._received_at_s):
            self._start_timer()
        else:
            self._give_up()

    def _is_our_turn(self) -> bool:
        """Return whether the request waits for the server, and not for its client."""
        if self.transport.is_closing() or self.cycle is None:
            return False
        if self._is_head:
            return not self.cycle.response_complete
        waits_for_100 = self.cycle.waiting_for_100_continue and not self.cycle.response_started
        return self.flow.read_paused or bool(self.pipeline) or waits_for_100

    def _give_up(self) -> None:
        """Refuse a request that came too slowly, or close where no refusal can be sent."""
        limits = self.time_limits
        if self.transport.is_closing():
            self._closing.end()
        elif self._is_head:
            self._refuse(
                408, f"The request's headers did not come within {limits.head_s:g} seconds."
            )
        elif self.cycle.response_complete:
            self._closing.end()
        else:
            self._refuse(
                408,
                f"The request's body came too slowly: it may pause for {limits.idle_s:g} seconds, "
                f"and take {limits.body_s:g} seconds in all.",
            )
