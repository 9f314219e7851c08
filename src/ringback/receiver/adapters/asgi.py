"""A receiver as an ASGI application of its own, to be mounted anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class WebhookApp:
    """Takes webhooks at every path below where it is mounted."""

    def __init__(self, receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._receiver = receiver
        self._bytes_max = bytes_max

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or run the handlers for the time of a lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(scope, receive)
            await _send(answer, send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        headers = scope["headers"]
        length = next((value for name, value in headers if name == b"content-length"), b"")
        early = refusal(scope["method"], length.decode("latin-1"), bytes_max=self._bytes_max)
        if early is not None:
            return early
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return CUT_OFF
            body += message.get("body", b"")
            if len(body) > self._bytes_max:
                return TOO_LONG
            if not message.get("more_body", False):
                return await self._receiver.ahandle(headers, bytes(body))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._receiver.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
