"""What came back, read: the document that was asked for, or the error that it is. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ringback.client import errors
from ringback.client.errors import ApiError, Detail

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
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at_s: float  # when it came, in seconds since 1970

    @property
    def is_good(self) -> bool:
        """Say whether it is a 2xx."""
        return 200 <= self.status < 300


def read(answer: Answer, kind: type[T]) -> T:
    """Return the document in a good answer; raises ``ApiError`` for any other."""
    if not answer.is_good:
        raise refusal(answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise errors.ServerError(
            f"The answer is not what the API promises ({exc}); does the base URL lead to a server "
            "that speaks it?",
            status=answer.status,
            body=answer.body,
        ) from exc


def refusal(answer: Answer) -> ApiError:
    """Return what an answer that is not good says, whichever of the usual shapes it has."""
    said = _object(answer.body)
    kind = _BY_STATUS.get(answer.status)
    if kind is None:
        kind = errors.ServerError if answer.status >= 500 or answer.status < 400 else ApiError
    return kind(
        _sentence(said) or f"The server answered {answer.status}.",
        status=answer.status,
        body=answer.body,
        code=_text(said.get("code")),
        details=_details(said),
        retry_after=retry_after_s(answer.headers.get("retry-after"), now_s=answer.at_s),
        replacement=_text(said.get("replacement")),
        sunset_date=_text(said.get("sunset_date")),
    )


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """Return the seconds of a Retry-After header, a day at most; None without a readable one."""
    if value is None:
        return None
    try:
        if value.strip().isascii() and value.strip().isdigit():
            seconds = float(value)
        else:
            # Imported late: it takes as long as all the rest of this library.
            from email.utils import parsedate_to_datetime

            date = parsedate_to_datetime(value)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _RETRY_AFTER_S_MAX)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sentence(said: Mapping[str, Any]) -> str | None:
    message, error = _text(said.get("message")), _text(said.get("error"))
    # Some errors are a word for programs and have the sentence beside it.
    if error is not None and (message is None or " " in error):
        return error
    return message


def _details(said: Mapping[str, Any]) -> tuple[Detail, ...]:
    for name in ("details", "detail", "errors", "issues", "error", "message"):
        found = said.get(name)
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
