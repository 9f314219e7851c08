"""Whole JSON answers: decided first, sent after, so that nothing fails halfway through one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

RawHeader = tuple[bytes, bytes]

_ALWAYS: tuple[RawHeader, ...] = (
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
)

encode = msgspec.json.Encoder().encode


class Answer:
    """A JSON response, encoded; an ASGI application that sends itself."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Iterable[RawHeader] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = [*_ALWAYS, (b"content-length", b"%d" % len(body)), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send status, headers and, unless only they were asked for, the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def ok(document: Any, headers: Iterable[RawHeader] = ()) -> Answer:
    """Return a 200 with this document."""
    return Answer(200, encode(document), headers)
