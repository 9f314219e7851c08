"""A request's headers are read once; one that decides something may come only once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Scope

from ringback.errors import FieldError, InvalidRequest
from ringback.service.intake import Options
from ringback.webhooks.events import JOB_EVENTS

_KEPT_IN = "ringback.headers"
_WAIT = re.compile(rb'wait\s*=\s*"?(\d{1,9})"?')
_PRIORITY = re.compile(rb"-?(10|[0-9])")
_VISIBLE = re.compile(rb"[\x21-\x7e]+")

WAIT_MAX_S = 60
IDEMPOTENCY_KEY_LENGTH_MAX = 255
PRIORITY_MAX = 10
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
        # Proxies on the way may each use a different one of two values.
        if name in self._repeated:
            raise invalid_header(name.decode(), "may be sent only once")
        return self._by_name.get(name)

    def any(self, name: bytes) -> bytes | None:
        """Return a header's last value, or None; a repeated header is allowed."""
        return self._by_name.get(name)


def headers_of(scope: Scope) -> RequestHeaders:
    """Return the headers of this request; the first call reads them."""
    headers: RequestHeaders | None = scope.get(_KEPT_IN)
    if headers is None:
        headers = scope[_KEPT_IN] = RequestHeaders(scope["headers"])
    return headers


def invalid_header(name: str, problem: str) -> InvalidRequest:
    """Return the error of a wrong header."""
    proper = "-".join(part.capitalize() for part in name.split("-")).replace("Url", "URL")
    sentence = f"The header {proper} {problem}."
    return InvalidRequest(sentence, [FieldError(f"header:{proper}", sentence)])


def submission_options(headers: RequestHeaders, *, with_faults: bool) -> Options:
    """Return the options of a submission; raises ``InvalidRequest`` naming a malformed header."""
    faults = headers.get(b"x-ringback-lab") if with_faults else None
    return Options(
        webhook_url=webhook_url(headers),
        webhook_events=webhook_events(headers),
        idempotency_key=idempotency_key(headers),
        priority=priority(headers),
        faults=None if faults is None else faults.decode("latin-1"),
    )


def webhook_url(headers: RequestHeaders) -> str | None:
    """Return X-Webhook-URL, or None; raises ``InvalidRequest`` for an empty or undecodable one."""
    value = headers.get(b"x-webhook-url")
    if value is None:
        return None
    try:
        url = value.decode()
    except UnicodeDecodeError as exc:
        raise invalid_header("x-webhook-url", "is not UTF-8 text") from exc
    if not url:
        raise invalid_header("x-webhook-url", "is empty; leave it out to get no webhook")
    return url


def idempotency_key(headers: RequestHeaders) -> str | None:
    """Return the Idempotency-Key, or None; raises ``InvalidRequest`` for a malformed one."""
    value = headers.get(b"idempotency-key")
    if value is None:
        return None
    if len(value) > IDEMPOTENCY_KEY_LENGTH_MAX or not _VISIBLE.fullmatch(value):
        message = f"must have 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters"
        raise invalid_header("idempotency-key", message)
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
    """Return the events of X-Webhook-Events; none without the header: the three terminal ones.

    Raises ``InvalidRequest`` for unknown names, and without an X-Webhook-URL.
    """
    value = headers.get(b"x-webhook-events")
    if value is None:
        return ()
    if headers.any(b"x-webhook-url") is None:
        raise invalid_header("x-webhook-events", "needs X-Webhook-URL, where the events are sent")
    return _events(value)


@lru_cache(maxsize=256)
def _events(value: bytes) -> tuple[str, ...]:
    selected = {name.strip() for name in value.decode("latin-1").split(",")}
    if not selected <= _EVENT_NAMES:
        names = ", ".join(JOB_EVENTS)
        raise invalid_header("x-webhook-events", f"must be one or more of {names}, with commas")
    return tuple(event.value for event in JOB_EVENTS if event in selected)


def preferred_wait_s(headers: RequestHeaders) -> int | None:
    """Return the seconds of ``Prefer: wait=N`` (RFC 7240), at most 60, or None."""
    value = headers.any(b"prefer")
    if value is None:
        return None
    for preference in value.lower().split(b","):
        # The RFC has servers ignore preferences that are unknown or malformed.
        if match := _WAIT.fullmatch(preference.split(b";")[0].strip()):
            return min(int(match[1]), WAIT_MAX_S)
    return None
