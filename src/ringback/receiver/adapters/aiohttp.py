"""A receiver as a handler of aiohttp's server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def handler(
    receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler: ``app.router.add_post("/webhook", handler(receiver))``."""

    async def take_webhook(request: web.Request) -> web.Response:
        answer = await _answer(receiver, request, bytes_max)
        return web.Response(body=answer.body, status=answer.status, headers=dict(answer.headers))

    return take_webhook


async def _answer(receiver: Receiver, request: web.Request, bytes_max: int) -> Answer:
    length = request.headers.get("content-length")
    early = refusal(request.method, length, bytes_max=bytes_max)
    if early is not None:
        return early
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > bytes_max:
                return TOO_LONG
    except web.RequestPayloadError:
        return CUT_OFF
    return await receiver.ahandle(list(request.headers.items()), bytes(body))
