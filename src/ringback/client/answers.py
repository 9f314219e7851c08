"""Decodes an answer into the expected document or an ``ApiError``. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ringback.client import errors
from ringback.client.errors import ApiError, Detail
from ringback.wire.http_date import parse_retry_after

T = TypeVar("T")

_DETAILS_MAX = 50
_TEXT_MAX = 1_000
_RETRY_AFTER_S_MAX = 86_400.0
_BY_STATUS: dict[int, type[ApiError]] = {
    400: errors.ValidationError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.AuthenticationError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    410: errors.ModelUnavailableError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
}


class Answer(Struct, frozen=True):
    """A complete answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at_s: float  # its arrival in seconds since 1970

    @property
    def is_good(self) -> bool:
        """Say whether it is a 2xx."""
        return 200 <= self.status < 300


def read(answer: Answer, kind: type[T]) -> T:
    """Return the document in a 2xx answer; raises ``ApiError`` for any other."""
    if not answer.is_good:
        raise refusal(answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise errors.ServerError(
            f"The answer does not follow the API ({exc}); does the base URL lead to a server "
            "that speaks it?",
            status=answer.status,
            body=answer.body,
        ) from exc


def refusal(answer: Answer) -> ApiError:
    """Return the error in an answer, from any of the usual shapes of its body."""
    document = _object(answer.body)
    kind = _BY_STATUS.get(answer.status)
    if kind is None:
        kind = errors.ServerError if answer.status >= 500 or answer.status < 400 else ApiError
    return kind(
        _sentence(document) or f"The server answered {answer.status}.",
        status=answer.status,
        body=answer.body,
        code=_text(document.get("code")),
        details=_details(document),
        retry_after=retry_after_s(answer.headers.get("retry-after"), now_s=answer.at_s),
        replacement=_text(document.get("replacement")),
        sunset_date=_text(document.get("sunset_date")),
    )


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """Return the seconds of a Retry-After header, a day at most; None without a readable one."""
    if value is None:
        return None
    seconds = parse_retry_after(value.encode(), now_ms=round(now_s * 1000))
    return None if seconds is None else min(seconds, _RETRY_AFTER_S_MAX)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sentence(document: Mapping[str, Any]) -> str | None:
    message, error = _text(document.get("message")), _text(document.get("error"))
    # Some servers put a code in "error" and the sentence in "message".
    if error is not None and (message is None or " " in error):
        return error
    return message


def _details(document: Mapping[str, Any]) -> tuple[Detail, ...]:
    for name in ("details", "detail", "errors", "issues", "error", "message"):
        found = document.get(name)
        if isinstance(found, list):
            details = (_detail(one) for one in found[:_DETAILS_MAX])
            return tuple(detail for detail in details if detail is not None)
    return ()


def _detail(one: Any) -> Detail | None:
    if isinstance(one, str):
        return Detail("", one[:_TEXT_MAX])
    if not isinstance(one, dict):
        return None
    message = _text(one.get("message")) or _text(one.get("msg"))
    path = one.get("path", one.get("loc", ""))
    if isinstance(path, list):
        path = "/" + "/".join(str(step) for step in path[:20])
    return None if message is None else Detail(str(path)[:_TEXT_MAX], message)


def _text(value: Any) -> str | None:
    return value[:_TEXT_MAX] if isinstance(value, str) and value else None
