"""A receiver as a view of Flask."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def view(receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX) -> Callable[[], Response]:
    """Return the view: ``app.post("/webhook")(view(receiver))``."""

    def take_webhook() -> Response:
        answer = _answer(receiver, bytes_max)
        return Response(answer.body, answer.status, answer.headers)

    return take_webhook


def _answer(receiver: Receiver, bytes_max: int) -> Answer:
    early = refusal(request.method, request.headers.get("content-length"), bytes_max=bytes_max)
    if early is not None:
        return early
    request.max_content_length = bytes_max
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return TOO_LONG
    except ClientDisconnected:
        return CUT_OFF
    return receiver.handle(list(request.headers.items()), body)
