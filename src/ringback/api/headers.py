"""A request's headers, read once; a header that decides something may come only once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Scope

from ringback.errors import FieldError, InvalidRequest
from ringback.webhooks.events import JOB_EVENTS

_KEPT_IN = "ringback.headers"
_WAIT = re.compile(rb'wait\s*=\s*"?(\d{1,9})"?')
_PRIORITY = re.compile(rb"-?(10|[0-9])")
_VISIBLE = re.compile(rb"[\x21-\x7e]+")

WAIT_MAX_S = 60
_EVENT_NAMES = frozenset(event.value for event in JOB_EVENTS)


class RequestHeaders:
    """The headers by lower-case name, as bytes."""

    __slots__ = ("_by_name", "_repeated")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._by_name = dict(raw)
        self._repeated: set[bytes] = set()
        if len(self._by_name) != len(raw):
            seen: set[bytes] = set()
            for name, _ in raw:
                (self._repeated if name in seen else seen).add(name)

    def get(self, name: bytes) -> bytes | None:
        """Return the header's value, or None; raises ``InvalidRequest`` when it came twice."""
        # Of two values each proxy on the way may believe another one.
        if name in self._repeated:
            raise invalid_header(name.decode(), "may be sent only once")
        return self._by_name.get(name)

    def any(self, name: bytes) -> bytes | None:
        """Return a header's last value, or None, where a repetition does no harm."""
        return self._by_name.get(name)


def headers_of(scope: Scope) -> RequestHeaders:
    """Return the headers of this request, read at the first call."""
    headers: RequestHeaders | None = scope.get(_KEPT_IN)
    if headers is None:
        headers = scope[_KEPT_IN] = RequestHeaders(scope["headers"])
    return headers


def invalid_header(name: str, what: str) -> InvalidRequest:
    """Return the error that names this header and what is wrong with it."""
    proper = "-".join(part.capitalize() for part in name.split("-")).replace("Url", "URL")
    sentence = f"The header {proper} {what}."
    return InvalidRequest(sentence, [FieldError(f"header:{proper}", sentence)])


def idempotency_key(headers: RequestHeaders) -> str | None:
    """Return the Idempotency-Key, or None; raises ``InvalidRequest`` for a malformed one."""
    value = headers.get(b"idempotency-key")
    if value is None:
        return None
    if len(value) > 255 or not _VISIBLE.fullmatch(value):
        raise invalid_header("idempotency-key", "must have 1 to 255 visible ASCII characters")
    return value.decode()


def priority(headers: RequestHeaders) -> int:
    """Return X-Ringback-Priority, or 0; raises ``InvalidRequest`` unless it is -10 to 10."""
    value = headers.get(b"x-ringback-priority")
    if value is None:
        return 0
    if not _PRIORITY.fullmatch(value):
        raise invalid_header("x-ringback-priority", "must be a whole number from -10 to 10")
    return int(value)


def webhook_events(headers: RequestHeaders) -> tuple[str, ...]:
    """Return the events of X-Webhook-Events; none when it was not sent: then it is the three ends.

    Raises ``InvalidRequest`` for unknown names, and when there is no X-Webhook-URL to tell.
    """
    value = headers.get(b"x-webhook-events")
    if value is None:
        return ()
    if headers.any(b"x-webhook-url") is None:
        raise invalid_header("x-webhook-events", "needs X-Webhook-URL, where the events are sent")
    return _events(value)


@lru_cache(maxsize=256)
def _events(value: bytes) -> tuple[str, ...]:
    asked = {name.strip() for name in value.decode("latin-1").split(",")}
    if not asked <= _EVENT_NAMES:
        names = ", ".join(JOB_EVENTS)
        raise invalid_header("x-webhook-events", f"must be one or more of {names}, with commas")
    return tuple(event.value for event in JOB_EVENTS if event in asked)


def preferred_wait_s(headers: RequestHeaders) -> int | None:
    """Return the seconds of ``Prefer: wait=N`` (RFC 7240), at most 60, or None."""
    value = headers.any(b"prefer")
    if value is None:
        return None
    for preference in value.lower().split(b","):
        # Preferences that are unknown or malformed are ignored, says the RFC.
        if match := _WAIT.fullmatch(preference.split(b";")[0].strip()):
            return min(int(match[1]), WAIT_MAX_S)
    return None
