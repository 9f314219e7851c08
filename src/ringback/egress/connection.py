"""One HTTP/1.1 connection to one judged address, carrying one request at a time.

The reading side trusts nobody: the head, the body, the bytes on the wire and the interim answers
are each counted, and one timer ends whatever has not ended by its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.cork import Cork
from ringback.egress.heads import first_headers, has_length

INTERIM_ANSWERS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a request got no whole answer."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an answer is read, and how much of that is kept."""

    head_bytes_max: int = 65_536
    headers_kept_bytes_max: int = 8_192
    body_bytes_max: int = 65_536
    body_kept_bytes_max: int = 16_384
    raw_bytes_max: int = 65_536  # all of it: interim answers, head, chunk headers and trailers too


class Connection(asyncio.Protocol):
    """Sends a request, reads its answer into its own attributes, and says whether it may go on."""

    # More attributes than an instance dictionary keeps fast: 30 is its limit.
    __slots__ = (
        "_body_bytes",
        "_chunks",
        "_cork",
        "_deadline",
        "_ends_with_connection",
        "_head_bytes",
        "_head_done",
        "_interim_answers",
        "_kept_bytes",
        "_limits",
        "_loop",
        "_monotonic",
        "_on_head",
        "_on_lost",
        "_outgoing",
        "_parser",
        "_raw_bytes",
        "_sink",
        "_timer",
        "_timer_at",
        "_transport",
        "_waiter",
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
        cork: Cork,
        on_lost: Callable[[Connection], None] | None = None,
        on_head: Callable[[Connection], Failure | None] | None = None,
    ) -> None:
        self.address = address  # None: a proxy chose it
        self.opened_at = clock.monotonic()
        self.usable_until = self.opened_at  # of an idle one; its pool's to set
        self.requested_at = self.ended_at = self.opened_at
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self._limits = limits
        self._monotonic = clock.monotonic
        self._cork = cork
        self._outgoing = b""
        self._on_lost = on_lost
        self._on_head = on_head
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._parser = HttpResponseParser(self)
        self._sink: Callable[[bytes], object] | None = None
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
        sink: Callable[[bytes], object] | None = None,
    ) -> asyncio.Future[None]:
        """Write a request; the future is done when the answer is whole, or has failed.

        ``deadline`` is in the event loop's time, ``now`` in the clock's. The future never carries
        an exception. ``limits`` hold from now on, in place of those the connection has. A ``sink``
        takes what is kept of the body as it comes, and may raise ``OSError``.
        """
        assert self._waiter is None, "one request at a time"
        self._reset()
        self._sink = sink
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
        self._cork.hold(self)
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
        """Close politely; only for a connection whose answer was whole."""
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
            return
        stage = "answer" if self.first_byte_at is None else "rest of the answer"
        self._fail(Reason.TIMEOUT, f"the {stage} did not come before the deadline")

    # The end of a request.

    def _finish(self) -> None:
        waiter, self._waiter = self._waiter, None
        if self._chunks:
            self.body = b"".join(self._chunks)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, reason: Reason, detail: str) -> None:
        self.failure = Failure(reason=reason, detail=detail)
        self._finish_early()

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
        """Feed the answer; bytes that nobody asked for end the connection."""
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
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._break("the answer switches protocols")
        except HttpParserError as exc:
            self._break(f"the answer is not HTTP: {exc}")
        if self._waiter is waiter:
            self._check_size(is_over=over > 0)
        elif over > 0:
            self.abort()  # what was cut off would have been junk

    def _check_size(self, *, is_over: bool) -> None:
        head_is_over = is_over or self._raw_bytes > self._limits.head_bytes_max
        if head_is_over and not self._head_done:
            self._fail(Reason.PROTOCOL, "the answer's head is too large")
        elif is_over:
            self._truncate()

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
        """Fail what is under way and tell the owner."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiter is not None:
            why = f": {exc}" if exc is not None else ""
            self._fail(Reason.PROTOCOL, f"the connection was lost{why}")
        self.reusable = False
        if self._on_lost is not None:
            self._on_lost(self)
        del self._parser  # it holds our bound methods: a cycle

    # httptools callbacks. After the answer's end they are called for whatever follows it.

    def on_message_begin(self) -> None:
        """Notice a second answer, which nobody asked for."""
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
        if self._on_head is not None:
            failure = self._on_head(self)
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
        room = self._limits.body_kept_bytes_max - self._kept_bytes
        if room > 0 and not self._is_kept(data[:room]):
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
            # A receiver that answers without reading would have us keep what it does not take.
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
