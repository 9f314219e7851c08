"""A receiver as an AWS Lambda function behind a function URL (payload format 2.0).

Lambda freezes the process after the answer, so handlers are called before it. Use a ledger that
outlives the function, and handlers that end within the sender's timeout of 15 seconds.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from ringback.receiver.adapters.bounds import BODY_BYTES_MAX, CUT_OFF, TOO_LONG, refusal
from ringback.receiver.answer import Answer
from ringback.receiver.receiver import Receiver


def function(
    receiver: Receiver, *, bytes_max: int = BODY_BYTES_MAX
) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """Return the function: ``handler = function(receiver)``."""
    receiver.handle_before_answering()

    def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        answer = _answer(receiver, event, bytes_max)
        if answer.status < 300:
            receiver.run_due()
        return {
            "statusCode": answer.status,
            "headers": dict(answer.headers),
            "body": answer.body.decode(),
        }

    return handler


def _answer(receiver: Receiver, event: Mapping[str, Any], bytes_max: int) -> Answer:
    method = event.get("requestContext", {}).get("http", {}).get("method", "")
    early = refusal(method, None, bytes_max=bytes_max)
    if early is not None:
        return early
    text = event.get("body") or ""
    try:
        body = b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:
        return CUT_OFF
    if len(body) > bytes_max:
        return TOO_LONG
    return receiver.handle(event.get("headers") or {}, body)
