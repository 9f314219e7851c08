"""Changes of endpoints, read from requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

from msgspec import UNSET, UnsetType

from ringback.api.documents.endpoints import (
    REDACTED,
    EndpointChangeRequest,
    EndpointRequest,
    KeyRequest,
    ListenerRequest,
    RecoveryRequest,
    RotationRequest,
)
from ringback.catalogue.violations import invalid, pointer
from ringback.clock import to_ms
from ringback.errors import FieldError, InvalidRequest
from ringback.http.json_bodies import JsonBody
from ringback.service.endpoints import EndpointChanges
from ringback.webhooks.events import JOB_EVENTS

NEW_ENDPOINT = JsonBody(
    EndpointRequest,
    {"url": "https://shop.example/webhooks", "events": ["job.completed", "job.failed"]},
    owner="an endpoint",
)
ENDPOINT_CHANGE = JsonBody(EndpointChangeRequest, {"disabled": False}, owner="an endpoint")
LISTENER = JsonBody(
    ListenerRequest,
    {"events": ["job.completed", "job.failed"]},
    owner="a listener",
    required=False,
)
ROTATION = JsonBody(RotationRequest, {"overlap_s": 3600}, owner="a rotation", required=False)
NEW_KEY = JsonBody(KeyRequest, {"kind": "v1a"}, owner="a key")
RECOVERY = JsonBody(
    RecoveryRequest, {"since": "2027-01-15T08:00:00Z"}, owner="a recovery", required=False
)

HEADERS_LENGTH_MAX = 4_096  # of all names and values together

# They belong to the connection, to the message or to the sender; no workspace may overwrite them.
_RESERVED = frozenset(
    (
        *("connection", "host", "http2-settings", "keep-alive", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect", "forwarded", "via"),
        *("accept-encoding", "user-agent"),
    )
)
_RESERVED_PREFIXES = ("content-", "proxy-", "ringback-", "svix-", "webhook-", "x-forwarded-")


def endpoint_changes(
    request: ListenerRequest,
    *,
    models: Collection[str],
    check_url: Callable[[str], str] | None = None,
) -> EndpointChanges:
    """Return the changes of an endpoint, or raise ``InvalidRequest`` naming each wrong field.

    ``check_url`` raises ``InvalidTarget`` for a URL that may not be called.
    """
    if errors := [*_errors(request, models)]:
        raise invalid(errors)
    url: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    if isinstance(request, EndpointChangeRequest):
        url, disabled = request.url, request.disabled
    if check_url is not None and url is not UNSET:
        check_url(url)
    return EndpointChanges(
        url=url,
        description=request.description,
        events=_in_order(request.events),
        models=request.models if request.models is UNSET else tuple(dict.fromkeys(request.models)),
        headers=_lower(request.headers),
        schedule_s=(
            request.schedule_s
            if not isinstance(request.schedule_s, list)
            else tuple(request.schedule_s)
        ),
        disabled=disabled,
    )


def since_ms(request: RecoveryRequest) -> int | None:
    """Return the time since which events were missed, or None if the request has none."""
    if request.since is None:
        return None
    try:
        return max(0, to_ms(datetime.fromisoformat(request.since.upper())))
    except (ValueError, OverflowError) as exc:  # a leap second, or the year 0
        raise invalid([FieldError("/since", "is a time that this server cannot write")]) from exc


def since_is_required() -> InvalidRequest:
    """Return the error of a recovery without a time, for an endpoint that missed no known event."""
    message = "is required: nothing is known that this endpoint has missed"
    return invalid([FieldError("/since", message)])


def _errors(request: ListenerRequest, models: Collection[str]) -> Iterator[FieldError]:
    """Yield the wrong fields that a JSON Schema cannot find."""
    if request.description and not request.description.isprintable():
        yield FieldError("/description", "must be one line of text")
    if request.models is not UNSET:
        for index, name in enumerate(request.models):
            if name not in models:
                message = "must be the id of a model; GET /models lists them"
                yield FieldError(f"/models/{index}", message)
    if request.headers:
        yield from _header_errors(request.headers)


def _header_errors(headers: Mapping[str, str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for name, value in headers.items():
        path, lower = pointer("/headers", name), name.lower()
        if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
            message = "is a header that the sender writes itself, or leaves out"
            yield FieldError(path, f"{message}; choose another name")
        elif value == REDACTED:
            message = "must be the value itself; leave headers out to keep them as they are"
            yield FieldError(path, message)
        elif lower in seen:
            yield FieldError(path, "comes twice: the case of a header's name means nothing")
        seen.add(lower)
    if sum(len(name) + len(value) for name, value in headers.items()) > HEADERS_LENGTH_MAX:
        message = f"must have at most {HEADERS_LENGTH_MAX} characters in all"
        yield FieldError("/headers", message)


def _in_order(events: list[str] | UnsetType) -> tuple[str, ...] | UnsetType:
    if isinstance(events, UnsetType):
        return UNSET
    return tuple(event.value for event in JOB_EVENTS if event in events)


def _lower(headers: Mapping[str, str] | UnsetType | None) -> Mapping[str, str] | UnsetType:
    if isinstance(headers, UnsetType):
        return UNSET
    return {name.lower(): value for name, value in (headers or {}).items()}
