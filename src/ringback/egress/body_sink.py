"""Takes the body of an answer: decompressed, counted, kept or passed on."""

from __future__ import annotations

from ringback.egress.answer import Failure, Reason
from ringback.egress.connection import Connection, HeadCheck, Sink
from ringback.egress.content_coding import (
    Decompressor,
    UnreadableCoding,
    check_readable,
    compressions_of,
)


class BodySink:
    """Passes a body's bytes to a sink, or keeps them; more than ``bytes_max`` are a failure."""

    def __init__(self, bytes_max: int, *, sink: Sink | None, check: HeadCheck | None) -> None:
        self.words: str | None = None
        self._bytes_max = bytes_max
        self._sink = sink
        self._check = check
        self._reset()

    def _reset(self) -> None:
        self._kept: list[bytes] = []
        self._bytes = 0
        self._decompressor: Decompressor | None = None
        self._failure: Failure | None = None

    @property
    def content(self) -> bytes:
        """The bytes that were kept; none with a sink."""
        return b"".join(self._kept)

    def begin(self, connection: Connection) -> Failure | None:
        """Look at an answer's head; return why the answer is refused."""
        self._reset()  # the request may have been sent again
        failure = None if self._check is None else self._check(connection)
        if failure is not None:
            return failure
        compressions = compressions_of(connection.headers)
        try:
            check_readable(compressions)
        except UnreadableCoding as exc:
            return self._unreadable(exc)
        if compressions:
            self._decompressor = Decompressor(compressions[0])
        return None

    def take(self, data: bytes) -> None:
        """Take the next bytes; raises ``OSError`` to have no more of them read."""
        if self._decompressor is None:
            self._pass_on(data)
            return
        try:
            for piece in self._decompressor.feed(data):
                self._pass_on(piece)
        except UnreadableCoding as exc:
            self._unreadable(exc)
            raise OSError(str(exc)) from exc

    def end(self) -> Failure | None:
        """Return why the body cannot be used, or None."""
        if self._failure is None and self._decompressor is not None:
            try:
                self._decompressor.finish()
            except UnreadableCoding as exc:
                self._unreadable(exc)
        return self._failure

    def _pass_on(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > self._bytes_max:
            detail = f"more than {self._bytes_max} bytes came"
            self._failure = Failure(Reason.TOO_LARGE, detail)
            raise OSError(detail)
        if self._sink is None:
            self._kept.append(data)
        else:
            self._sink(data)

    def _unreadable(self, error: UnreadableCoding) -> Failure:
        self.words = str(error)
        self._failure = Failure(Reason.PROTOCOL, self.words)
        return self._failure
