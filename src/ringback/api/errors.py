"""Exceptions become answers here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback import errors
from ringback.api.answers import Answer, RawHeader, encode
from ringback.log import get_logger

log = get_logger(__name__)

STATUS_FOR: dict[type[errors.RingbackError], int] = {
    errors.InvalidRequest: 400,
    errors.NotAuthenticated: 401,
    errors.BudgetSpent: 402,
    errors.HostRefused: 403,
    errors.OriginRefused: 403,
    errors.FormRefused: 403,
    errors.StyleNotOwned: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.UploadTooSlow: 408,
    errors.ModelUnavailable: 410,
    errors.IdempotencyConflict: 409,
    errors.DeliveryConflict: 409,
    errors.EndpointConflict: 409,
    errors.BodyTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.RangeNotSatisfiable: 416,
    errors.AssetsFull: 409,
    errors.TooManyApps: 409,
    errors.TooManyChores: 409,
    errors.BacklogFull: 429,
    errors.RateLimited: 429,
    errors.TooManyStreams: 429,
    errors.TooManyAttempts: 429,
    errors.ArtifactsAway: 503,
    errors.TooManyUploads: 429,
    errors.Draining: 503,
    errors.NotReady: 503,
    errors.StorageFull: 507,
    errors.StorageUnavailable: 503,
}
"""The status of each kind of error and of its descendants; any other exception is our fault."""

_UNAVAILABLE_RETRY_AFTER_S = 5


class ErrorsBecomeAnswers:
    """Middleware that answers whatever the application raises."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer an exception unless an answer has already begun."""
        has_begun = False

        async def watched_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as exc:
            if has_begun:
                raise  # half an answer is out: the server can only cut the connection
            await answer_to(exc)(scope, receive, send)


def answer_to(error: Exception) -> Answer:
    """Return the answer to an exception; one that is our fault is logged and not shown."""
    for kind in type(error).__mro__:
        status = STATUS_FOR.get(kind)
        if status is not None:
            assert isinstance(error, errors.RingbackError)
            return Answer(status, encode(_document(error)), _headers(error))
    log.error("request_failed", exc_info=error)
    return Answer(500, encode(_body("The server failed; its log says why.", "internal_error")))


def _document(error: errors.RingbackError) -> dict[str, Any]:
    document = _body(str(error), getattr(error, "code", "error"))
    if isinstance(error, errors.InvalidRequest) and error.details:
        document["details"] = error.details
    if isinstance(error, errors.ModelUnavailable):
        # The public API's form: a word for programs, and the sentence beside it.
        document |= {
            "error": error.code,
            "reason": "deprecated",
            "sunset_date": error.sunset_date,
            "replacement": error.replacement,
            "migration_url": error.migration_url,
        }
    return document


def _body(sentence: str, code: str) -> dict[str, Any]:
    # Programs in the wild read one of the two, so both carry the sentence.
    return {"error": sentence, "message": sentence, "code": code}


def _headers(error: errors.RingbackError) -> Sequence[RawHeader]:
    match error:
        case errors.NotAuthenticated():
            return [(b"www-authenticate", b"Bearer")]
        case errors.MethodNotAllowed(allow=allow):
            return [(b"allow", ", ".join(allow).encode())]
        case errors.RangeNotSatisfiable(size_bytes=size_bytes):
            return [(b"content-range", b"bytes */%d" % size_bytes)]
        case (
            errors.BacklogFull(retry_after_s=retry_after_s)
            | errors.RateLimited(retry_after_s=retry_after_s)
            | errors.TooManyStreams(retry_after_s=retry_after_s)
            | errors.TooManyAttempts(retry_after_s=retry_after_s)
            | errors.TooManyUploads(retry_after_s=retry_after_s)
        ):
            return [(b"retry-after", b"%d" % retry_after_s)]
        case (
            errors.Draining()
            | errors.NotReady()
            | errors.ArtifactsAway()
            | errors.StorageUnavailable()
        ):
            return [(b"retry-after", b"%d" % _UNAVAILABLE_RETRY_AFTER_S)]
        case _:
            return []
