"""Exceptions become HTTP responses here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback import errors
from ringback.http.error_documents import ErrorDocument, GoneDocument, error_document
from ringback.http.responses import JsonResponse, RawHeader, encode
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
    errors.ModelUnavailable: 410,
    errors.IdempotencyConflict: 409,
    errors.DeliveryConflict: 409,
    errors.EndpointConflict: 409,
    errors.PreconditionFailed: 412,
    errors.BodyTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.RangeNotSatisfiable: 416,
    errors.AssetsFull: 409,
    errors.TooManyApps: 409,
    errors.TooManyBulkOperations: 409,
    errors.BacklogFull: 429,
    errors.RateLimited: 429,
    errors.TooManyStreams: 429,
    errors.TooManyToolCalls: 429,
    errors.TooManyAttempts: 429,
    errors.ArtifactsUnavailable: 503,
    errors.TooManyUploads: 429,
    errors.Draining: 503,
    errors.NotReady: 503,
    errors.StorageFull: 507,
    errors.StorageUnavailable: 503,
}
"""The status of each kind of error and of its descendants; any other exception is a 500."""

_UNAVAILABLE_RETRY_AFTER_S = 5


class ErrorsBecomeAnswers:
    """Middleware that turns the application's exceptions into responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and respond to an exception unless a response has begun."""
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # no client is left to read a response
        except Exception as exc:
            if has_begun:
                raise  # the response has begun: the server can only close the connection
            await answer_to(exc)(scope, receive, send)


def status_of(error: Exception) -> int | None:
    """Return the status of an error that clients may see, or None for any other."""
    if isinstance(error, errors.SimulatedRefusal):
        return error.status
    statuses = (STATUS_FOR.get(kind) for kind in type(error).__mro__)
    return next((status for status in statuses if status is not None), None)


def answer_to(error: Exception) -> JsonResponse:
    """Return the response to an exception; an unexpected one is logged and not shown."""
    status = status_of(error)
    if status is not None:
        assert isinstance(error, errors.RingbackError)
        return JsonResponse(status, encode(_document(error)), _headers(error))
    log.error("request_failed", exc_info=error)
    document = error_document("The server failed; its log says why.", "internal_error")
    return JsonResponse(500, encode(document))


def _document(error: errors.RingbackError) -> ErrorDocument | GoneDocument:
    if isinstance(error, errors.ModelUnavailable):
        return GoneDocument(
            error="model_unavailable",
            reason="deprecated",
            message=str(error),
            code="model_unavailable",
            sunset_date=error.sunset_date,
            replacement=error.replacement,
            migration_url=error.migration_url,
        )
    details = error.details if isinstance(error, errors.InvalidRequest) else ()
    return error_document(str(error), getattr(error, "code", "error"), details)


def _headers(error: errors.RingbackError) -> Sequence[RawHeader]:
    match error:
        case errors.NotAuthenticated():
            return [(b"www-authenticate", b"Bearer")]
        case errors.MethodNotAllowed(allow=allow):
            return [(b"allow", ", ".join(allow).encode())]
        case errors.UnsupportedCoding():
            return [(b"accept-encoding", b"identity")]
        case errors.RangeNotSatisfiable(size_bytes=size_bytes):
            return [(b"content-range", b"bytes */%d" % size_bytes)]
        case (
            errors.BacklogFull(retry_after_s=retry_after_s)
            | errors.RateLimited(retry_after_s=retry_after_s)
            | errors.TooManyStreams(retry_after_s=retry_after_s)
            | errors.TooManyToolCalls(retry_after_s=retry_after_s)
            | errors.TooManyAttempts(retry_after_s=retry_after_s)
            | errors.TooManyUploads(retry_after_s=retry_after_s)
            | errors.SimulatedRefusal(retry_after_s=int(retry_after_s))
        ):
            return [(b"retry-after", b"%d" % retry_after_s)]
        case (
            errors.Draining()
            | errors.NotReady()
            | errors.ArtifactsUnavailable()
            | errors.StorageUnavailable()
        ):
            return [(b"retry-after", b"%d" % _UNAVAILABLE_RETRY_AFTER_S)]
        case _:
            return []
