"""A receiver as a WSGI application of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def wsgi_app(
    receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX
) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return the application that takes webhooks at every path."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = _answer(receiver, environ, bytes_max)
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start_response(status, answer.headers)
        return [answer.body]

    return app


def _answer(receiver: Receiver, environ: dict[str, Any], bytes_max: int) -> Answer:
    length = environ.get("CONTENT_LENGTH") or ""
    early = refusal(environ["REQUEST_METHOD"], length, bytes_max=bytes_max)
    if early is not None:
        return early
    # Without a length some servers end the input by themselves, and others never do.
    bytes_expected = int(length) if length.isdigit() else bytes_max + 1
    is_ended = length.isdigit() or bool(environ.get("wsgi.input_terminated"))
    body = environ["wsgi.input"].read(bytes_expected) if is_ended else b""
    if len(body) > bytes_max:
        return TOO_LONG
    if length.isdigit() and len(body) < bytes_expected:
        return CUT_OFF
    headers = [
        (name[5:].replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    return receiver.handle(headers, body)
