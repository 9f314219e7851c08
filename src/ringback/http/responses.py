"""JSON responses, which are encoded whole before they are sent: none can fail halfway."""

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


class JsonResponse:
    """An encoded JSON response; an ASGI application that sends it."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Iterable[RawHeader] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = [*_ALWAYS, (b"content-length", b"%d" % len(body)), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the status, the headers and, unless the method is HEAD, the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def ok(document: Any, headers: Iterable[RawHeader] = ()) -> JsonResponse:
    """Return a 200 with this document."""
    return JsonResponse(200, encode(document), headers)
