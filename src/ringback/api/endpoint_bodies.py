"""What clients send about endpoints, read strictly: every wrong field is named, by its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ringback.clock import to_ms
from ringback.errors import FieldError, InvalidRequest
from ringback.service.endpoints import EndpointWish
from ringback.webhooks.events import JOB_EVENTS

DESCRIPTION_LENGTH_MAX = 500
MODELS_MAX = 100
HEADERS_MAX = 20
HEADER_NAME_LENGTH_MAX = 64
HEADERS_LENGTH_MAX = 4_096  # of all names and values together
SCHEDULE_MAX = 50
WAIT_S_MAX = 7 * 86_400
OVERLAP_S_MAX = 30 * 86_400

REDACTED = "(redacted)"

_DETAILS_MAX = 20
_SHOWN_LENGTH_MAX = 80
_EVENTS = tuple(event.value for event in JOB_EVENTS)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
# What belongs to the connection, to the message or to us; a tenant must not write over any of it.
_NOT_THEIRS = frozenset(
    (
        *("connection", "host", "http2-settings", "keep-alive", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect", "forwarded", "via"),
        *("accept-encoding", "user-agent"),
    )
)
_NOT_THEIRS_PREFIXES = ("content-", "proxy-", "ringback-", "svix-", "webhook-", "x-forwarded-")

Fault = Callable[[str, str], None]


def read_wish(
    body: Mapping[str, Any],
    *,
    is_new: bool,
    models: Iterable[str],
    judge_url: Callable[[str], str] | None,
) -> EndpointWish:
    """Return what an endpoint shall be, or raise ``InvalidRequest`` naming each wrong field.

    ``judge_url`` raises ``InvalidTarget`` for a URL that may not be called. Without it, it is
    about a listener, which has no URL and is disabled elsewhere.
    """
    faults: list[FieldError] = []

    def fault(path: str, message: str) -> None:
        faults.append(FieldError(path, message))

    known = set(models)
    readers: dict[str, Callable[[Any], Any]] = {
        "url": lambda value: _url(value, fault),
        "description": lambda value: _description(value, fault),
        "events": lambda value: _events(value, fault),
        "models": lambda value: _models(value, known, fault),
        "headers": lambda value: _headers(value, fault),
        "schedule_s": lambda value: _schedule(value, fault),
        "disabled": lambda value: _boolean(value, fault),
    }
    if judge_url is None:
        del readers["url"], readers["disabled"]
    if is_new and "url" not in body:
        fault("/url", "is required")
    read = {name: readers[name](value) for name, value in body.items() if name in readers}
    for name in body:
        if name not in readers and len(faults) <= _DETAILS_MAX:
            fault(_pointer("", name), f"is not a field of an endpoint; use {', '.join(readers)}")
    _raise_if(faults)
    if "url" in read and judge_url is not None:
        judge_url(read["url"])
    return EndpointWish(**read)


def read_overlap_s(body: Mapping[str, Any]) -> float | None:
    """Return how long the old secret shall sign on, or None where nothing is said."""
    value = body.get("overlap_s")
    _refuse_others(body, "overlap_s")
    if value is None or (_is_number(value) and 0 <= value <= OVERLAP_S_MAX):
        return None if value is None else float(value)
    raise _invalid("/overlap_s", f"must be a number of seconds from 0 to {OVERLAP_S_MAX}")


def read_kind(body: Mapping[str, Any]) -> None:
    """Raise ``InvalidRequest`` unless the key asked for is of the one kind that can be added."""
    _refuse_others(body, "kind", "overlap_s")
    if body.get("kind") != "v1a":
        raise _invalid("/kind", "must be v1a (Ed25519); the v1 secret is there and is rotated")


def read_since_ms(body: Mapping[str, Any]) -> int | None:
    """Return the time since which events were missed, or None where nothing is said."""
    value = body.get("since")
    _refuse_others(body, "since")
    if value is None:
        return None
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return max(0, to_ms(datetime.fromisoformat(value.upper())))
        except (ValueError, OverflowError):
            pass
    raise _invalid("/since", "must be an ISO 8601 time with its zone, like 2027-01-15T08:00:00Z")


def since_is_required() -> InvalidRequest:
    """Return the error of a recovery of which nobody knows since when."""
    return _invalid("/since", "is required: nothing is known that this endpoint has missed")


def _url(value: Any, fault: Fault) -> str | None:
    if isinstance(value, str) and value:
        return value
    fault("/url", "must be a string: the URL to post to")
    return None


def _description(value: Any, fault: Fault) -> str | None:
    is_text = isinstance(value, str) and (not value or value.isprintable())
    if is_text and len(value) <= DESCRIPTION_LENGTH_MAX:
        return str(value)
    fault(
        "/description", f"must be one line of text, of at most {DESCRIPTION_LENGTH_MAX} characters"
    )
    return None


def _events(value: Any, fault: Fault) -> tuple[str, ...] | None:
    names = ", ".join(_EVENTS)
    if not isinstance(value, list) or not 1 <= len(value) <= len(_EVENTS):
        fault("/events", f"must be a list of one or more of {names}")
        return None
    for index, name in enumerate(value):
        if name not in _EVENTS:
            fault(f"/events/{index}", f"must be one of {names}")
    return tuple(name for name in _EVENTS if name in value)


def _models(value: Any, known: set[str], fault: Fault) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > MODELS_MAX:
        fault("/models", f"must be a list of at most {MODELS_MAX} models; empty: all")
        return None
    for index, name in enumerate(value):
        if not isinstance(name, str) or name not in known:
            fault(f"/models/{index}", "must be the id of a model; GET /models lists them")
    return tuple(dict.fromkeys(name for name in value if isinstance(name, str)))


def _headers(value: Any, fault: Fault) -> dict[str, str] | None:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > HEADERS_MAX:
        fault("/headers", f"must be an object of at most {HEADERS_MAX} headers")
        return None
    read: dict[str, str] = {}
    for name, text in value.items():
        path = _pointer("/headers", name)
        lower = name.lower()
        if wrong := _wrong_name(name) or _wrong_value(text):
            fault(path, wrong)
        elif lower in read:
            fault(path, "comes twice: the case of a header's name means nothing")
        else:
            read[lower] = text
    if sum(len(name) + len(text) for name, text in read.items()) > HEADERS_LENGTH_MAX:
        fault("/headers", f"must have at most {HEADERS_LENGTH_MAX} characters in all")
    return read


def _wrong_name(name: str) -> str | None:
    if len(name) > HEADER_NAME_LENGTH_MAX or not _TOKEN.fullmatch(name):
        return f"is not a header's name of at most {HEADER_NAME_LENGTH_MAX} characters"
    lower = name.lower()
    if lower in _NOT_THEIRS or lower.startswith(_NOT_THEIRS_PREFIXES):
        return "is a header that the sender writes itself, or leaves out; choose another name"
    return None


def _wrong_value(text: Any) -> str | None:
    if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
        return "must be visible ASCII characters, with spaces inside alone"
    if text == REDACTED:
        return "must be the value itself; leave headers out to keep them as they are"
    return None


def _schedule(value: Any, fault: Fault) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= SCHEDULE_MAX:
        fault("/schedule_s", f"must be a list of 1 to {SCHEDULE_MAX} waits in seconds, or null")
        return None
    for index, wait in enumerate(value):
        if not _is_number(wait) or not 0 <= wait <= WAIT_S_MAX:
            fault(f"/schedule_s/{index}", f"must be a number of seconds from 0 to {WAIT_S_MAX}")
    return tuple(float(wait) for wait in value if _is_number(wait) and abs(wait) <= WAIT_S_MAX)


def _boolean(value: Any, fault: Fault) -> bool | None:
    if isinstance(value, bool):
        return value
    fault("/disabled", "must be true or false")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_others(body: Mapping[str, Any], *known: str) -> None:
    for name in body:
        if name not in known:
            raise _invalid(_pointer("", name), f"is not a field here; use {', '.join(known)}")


def _pointer(parent: str, name: str) -> str:
    shown = name if len(name) <= _SHOWN_LENGTH_MAX else f"{name[:_SHOWN_LENGTH_MAX]}…"
    return f"{parent}/{shown.replace('~', '~0').replace('/', '~1')}"


def _raise_if(faults: list[FieldError]) -> None:
    if faults:
        first = faults[0]
        more = f" ({len(faults) - 1} more in details)" if len(faults) > 1 else ""
        sentence = f"{first.path[1:]} {first.message}{more}."
        raise InvalidRequest(sentence, faults[:_DETAILS_MAX])


def _invalid(path: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{path[1:]} {message}.", [FieldError(path, message)])
