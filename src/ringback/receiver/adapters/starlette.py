"""A receiver as an endpoint of Starlette and FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def endpoint(
    receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint: ``app.add_route("/webhook", endpoint(receiver), methods=["POST"])``."""

    async def take(request: Request) -> Response:
        answer = await _answer(receiver, request, bytes_max)
        return Response(answer.body, answer.status, dict(answer.headers))

    return take


async def _answer(receiver: Receiver, request: Request, bytes_max: int) -> Answer:
    length = request.headers.get("content-length")
    early = refusal(request.method, length, bytes_max=bytes_max)
    if early is not None:
        return early
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                return TOO_LONG
    except ClientDisconnect:
        return CUT_OFF
    return await receiver.ahandle(request.headers.raw, bytes(body))
