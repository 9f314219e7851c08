"""One HTTP/1.1 connection to one checked address, carrying one request at a time.

The reading side trusts nobody: the head, the body, the bytes on the wire and the interim answers
are each counted, and one timer fails a request at its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ringback.clock import Clock
from ringback.egress.answer import Failure, Limits, Reason
from ringback.egress.headers import first_headers, has_length, has_odd_coding
from ringback.egress.odd_answers import INTERIM_ANSWERS_MAX, OddReader
from ringback.egress.write_batching import WriteBatch

Sink: TypeAlias = Callable[[bytes], object]
HeadCheck: TypeAlias = "Callable[[Connection], Failure | None]"


class Connection(asyncio.Protocol):
    """Sends a request, reads its answer into its own attributes, and says whether it may go on."""

    # More attributes than an instance dictionary keeps fast: 30 is its limit.
    __slots__ = (
        "_body_bytes",
        "_check",
        "_chunks",
        "_deadline",
        "_ends_with_connection",
        "_head_bytes",
        "_head_done",
        "_interim_answers",
        "_kept_bytes",
        "_limits",
        "_loop",
        "_monotonic",
        "_odd",
        "_on_lost",
        "_outgoing",
        "_parser",
        "_raw_bytes",
        "_reads_odd_answers",
        "_sink",
        "_timer",
        "_timer_at",
        "_transport",
        "_waiter",
        "_writes",
        "address",
        "body",
        "connect_ms",
        "ended_at",
        "failure",
        "first_byte_at",
        "headers",
        "opened_at",
        "requested_at",
        "reusable",
        "status_code",
        "tls_ms",
        "truncated",
        "usable_until",
    )

    def __init__(
        self,
        address: str | None,
        *,
        limits: Limits,
        clock: Clock,
        writes: WriteBatch,
        on_lost: Callable[[Connection], None] | None = None,
        reads_odd_answers: bool = False,
    ) -> None:
        """Prepare a connection; with ``reads_odd_answers`` an odd framing undoes no status."""
        self.address = address  # None: a proxy chose it
        self.opened_at = clock.monotonic()
        self.usable_until = self.opened_at  # of an idle one; its pool's to set
        self.requested_at = self.ended_at = self.opened_at
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self._limits = limits
        self._monotonic = clock.monotonic
        self._writes = writes
        self._reads_odd_answers = reads_odd_answers
        self._outgoing = b""
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._parser = HttpResponseParser(self)
        self._sink: Sink | None = None
        self._check: HeadCheck | None = None
        self._reset()

    def _reset(self) -> None:
        self.failure: Failure | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.truncated = False
        self.first_byte_at: float | None = None
        self.reusable = False
        self.status_code: int | None = None
        self._chunks: list[bytes] = []
        self._kept_bytes = 0
        self._body_bytes = 0
        self._head_bytes = 0
        self._raw_bytes = 0
        self._interim_answers = 0
        self._head_done = False
        self._odd = OddReader()
        self._ends_with_connection = False

    # The sending side.

    @property
    def is_open(self) -> bool:
        """Say whether a request may still be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def died_unheard(self) -> bool:
        """Say whether the connection was lost before a byte of the answer came."""
        failure = self.failure
        return (
            failure is not None
            and failure.reason is not Reason.TIMEOUT
            and self.first_byte_at is None
        )

    def request(
        self,
        data: bytes,
        *,
        deadline: float,
        now: float,
        limits: Limits | None = None,
        sink: Sink | None = None,
        check: HeadCheck | None = None,
    ) -> asyncio.Future[None]:
        """Write a request; the future is done when the answer is whole, or has failed.

        ``deadline`` is in the event loop's time, ``now`` in the clock's. The future never carries
        an exception. ``limits`` hold from now on. A ``sink`` takes the kept part of the body as it
        comes, and may raise ``OSError``. A ``check`` may refuse an answer by its head.
        """
        assert self._waiter is None, "one request at a time"
        self._reset()
        self._sink, self._check = sink, check
        if limits is not None:
            self._limits = limits
        self.requested_at = now
        self._waiter = waiter = self._loop.create_future()
        if self._transport is None:
            self._fail(Reason.PROTOCOL, "the connection was lost before the request")
            return waiter
        self._deadline = deadline
        # One timer serves many requests: it looks at the deadline of the day when it fires.
        if self._timer is None or self._timer_at > deadline:
            self._set_timer()
        self._outgoing = data
        self._writes.hold(self)
        return waiter

    def write_now(self) -> None:
        """Write the request, unless it was given up since."""
        data, self._outgoing = self._outgoing, b""
        transport = self._transport
        # One that is closing would raise; its loss, which follows, ends the request.
        if data and transport is not None and not transport.is_closing():
            transport.write(data)

    def abort(self) -> None:
        """Close at once; a request under way fails."""
        self.reusable = False
        self._outgoing = b""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close politely; only for one whose answer was whole."""
        self.reusable = False
        if self._transport is not None:
            self._transport.close()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._timer_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            stage = "answer" if self.first_byte_at is None else "rest of the answer"
            self._lose(Reason.TIMEOUT, f"the {stage} did not come before the deadline")

    # The end of a request.

    def _finish(self) -> None:
        waiter, self._waiter = self._waiter, None
        if self._chunks:
            self.body = b"".join(self._chunks)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, reason: Reason, detail: str) -> None:
        self.failure = Failure(reason, detail)
        self._finish_early()

    def _lose(self, reason: Reason, detail: str) -> None:
        if self._reads_odd_answers and self._head_done and self._ends_with_connection:
            self._truncate()  # its head promised no length, so the status is whole
        else:
            self._fail(reason, detail)

    def _truncate(self) -> None:
        self.truncated = True
        self._finish_early()

    def _finish_early(self) -> None:
        self.ended_at = self._monotonic()
        self._finish()
        self.abort()

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the answer; unexpected bytes end the connection."""
        waiter = self._waiter
        if waiter is None:
            self.abort()
            return
        self.ended_at = self._monotonic()  # so far
        if self.first_byte_at is None:
            self.first_byte_at = self.ended_at
        over = self._raw_bytes + len(data) - self._limits.raw_bytes_max
        if over > 0:
            data = data[:-over]
        self._raw_bytes += len(data)
        if self._reads_odd_answers and not self._head_done:
            self._odd.add(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._break("the answer switches protocols")
        except HttpParserError as exc:
            if waiter.done() or not self._reads_odd_answers or not self._is_read_oddly():
                self._break(f"the answer is not HTTP: {exc}")
        if self._waiter is waiter:
            self._check_size(is_over=over > 0)
        elif over > 0:
            self.abort()  # the rest would have been junk

    def _check_size(self, *, is_over: bool) -> None:
        head_is_over = is_over or self._raw_bytes > self._limits.head_bytes_max
        if head_is_over and not self._head_done:
            self._fail(Reason.PROTOCOL, "the answer's head is too large")
        elif is_over:
            self._truncate()

    def _is_read_oddly(self) -> bool:
        """Say whether an answer that the parser refuses is one all the same, or may become one."""
        if not self._head_done:
            head = self._odd.head(headers_bytes_max=self._limits.headers_kept_bytes_max)
            if head is None:
                # The parser refuses the rest too, and this runs again.
                return self._odd.may_be_http
            self.status_code, self.headers = head.status_code, head.headers
            self._chunks = [head.body[: self._limits.body_kept_bytes_max]]
        self._truncate()
        return True

    def _break(self, detail: str) -> None:
        # Junk after a whole answer does not undo the answer; it only ends the connection.
        if self._waiter is not None:
            self._fail(Reason.PROTOCOL, detail)
        else:
            self.abort()

    def eof_received(self) -> None:
        """Take the end of the connection as the end of an answer that has no other."""
        self.reusable = False
        if self._waiter is None:
            return
        if self._head_done and self._ends_with_connection:
            self.ended_at = self._monotonic()
            self._finish()
        else:
            self._fail(Reason.PROTOCOL, "the connection was closed before the answer was whole")

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way and call ``on_lost``."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiter is not None:
            why = f": {exc}" if exc is not None else ""
            self._lose(Reason.PROTOCOL, f"the connection was lost{why}")
        self.reusable = False
        if self._on_lost is not None:
            self._on_lost(self)
        del self._parser  # it holds our bound methods: a cycle

    # httptools callbacks. After the answer's end they are called for any bytes that follow.

    def on_message_begin(self) -> None:
        """Notice a second answer, which belongs to no request."""
        if self._waiter is None:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count every header and keep the first few."""
        if self._waiter is None:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.head_bytes_max:
            self._fail(Reason.PROTOCOL, "the answer's head is too large")
        elif not self._head_done:  # later ones are trailers
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Learn how the answer will end, and let the owner refuse it."""
        if self._waiter is None:
            return
        self._head_done = True
        self.status_code = status = self._parser.get_status_code()
        self.reusable = self._parser.should_keep_alive()
        if status < 200:
            return
        if not self.reusable and status not in (204, 304):
            self._ends_with_connection = not has_length(self.headers)
            if self._reads_odd_answers and has_odd_coding(self.headers):
                self._truncate()
                return
        if self._check is not None:
            failure = self._check(self)
            if failure is not None:
                self._fail(failure.reason, failure.detail)
                return
        if self._head_bytes > self._limits.headers_kept_bytes_max:
            self.headers = first_headers(self.headers, self._limits.headers_kept_bytes_max)

    def on_body(self, data: bytes) -> None:
        """Keep the body's beginning; past the limit the answer is over."""
        if self._waiter is None:
            return
        self._body_bytes += len(data)
        left = self._limits.body_kept_bytes_max - self._kept_bytes
        if left > 0 and not self._is_kept(data[:left]):
            return
        if self._body_bytes > self._limits.body_bytes_max:
            self._truncate()

    def _is_kept(self, kept: bytes) -> bool:
        self._kept_bytes += len(kept)
        if self._sink is None:
            self._chunks.append(kept)
            return True
        try:
            self._sink(kept)
        except OSError as exc:
            self._fail(Reason.PROTOCOL, f"the answer found no place here: {exc.strerror}")
            return False
        return True

    def on_message_complete(self) -> None:
        """Finish, or wait on after an interim answer."""
        if self._waiter is None:
            return
        assert self.status_code is not None
        if self.status_code >= 200:
            # A receiver that answers without reading would leave unsent bytes in our buffer.
            if self._transport is not None and self._transport.get_write_buffer_size():
                self.reusable = False
            self._finish()
            return
        self._interim_answers += 1
        self._head_done = False
        self.headers.clear()
        self.status_code = None
        if self._interim_answers > INTERIM_ANSWERS_MAX:
            self._fail(Reason.PROTOCOL, "too many interim answers")
