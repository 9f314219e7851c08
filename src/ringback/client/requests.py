"""Builds the client's requests as data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ringback.client.errors import ConfigurationError
from ringback.wire.names import MODEL_KINDS, EventName

_SLOWEST_BYTES_PER_S = 50_000  # of lines over which uploads go

_MODEL = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,4}")


class Request(Struct, frozen=True, kw_only=True):
    """One request; ``repeatable`` says whether it is safe to send twice."""

    method: str
    path: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    content: bytes | None = None
    repeatable: bool = True
    timeout_s: float | None = None  # None: the client's timeout

    def answer_s(self, timeout_s: float) -> float:
        """Return how long to wait for the answer, which a slow line delays by a large body's time.

        The system takes a body faster than it sends it: the wait begins long before its end.
        """
        return (self.timeout_s or timeout_s) + len(self.content or b"") / _SLOWEST_BYTES_PER_S


def get(
    path: str, params: Mapping[str, object] | None = None, *, timeout_s: float | None = None
) -> Request:
    """Return a GET request; parameters that are None are left out."""
    return Request(method="GET", path=path, params=_params(params or {}), timeout_s=timeout_s)


def send(
    method: str,
    path: str,
    document: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    repeatable: bool | None = None,
) -> Request:
    """Return a writing request with a JSON body, or without a body."""
    content = None if document is None else _encoded(document)
    typed = {} if content is None else {"content-type": "application/json"}
    return Request(
        method=method,
        path=path,
        headers={**typed, **(headers or {})},
        content=content,
        repeatable=method != "POST" if repeatable is None else repeatable,
    )


def _encoded(document: object) -> bytes:
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError as exc:
        raise ConfigurationError(
            "A text of the request is not Unicode; it was read under a locale that is not UTF-8."
        ) from exc


def upload(
    path: str,
    file: tuple[str, bytes, str],
    fields: Mapping[str, str],
    *,
    idempotency_key: str,
) -> Request:
    """Return a form with a file, as its name, content and media type, in the part ``file``."""
    # Imported late: it takes longer than the rest of this library.
    import httpx2

    name, content, media_type = file
    # Servers refuse a form whose headers have control characters (RFC 9110, section 5.5).
    shown = "".join(letter if letter.isprintable() else "_" for letter in name)
    form = httpx2.Request(
        "POST", "http://form", data=dict(fields), files={"file": (shown, content, media_type)}
    )
    headers = {"content-type": form.headers["content-type"], "idempotency-key": idempotency_key}
    return Request(method="POST", path=path, headers=headers, content=form.read())


def submission(
    path: str,
    document: Mapping[str, Any],
    *,
    idempotency_key: str,
    webhook_url: str | None,
    webhook_events: Sequence[EventName] | None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """Return a submission; its key makes it safe to send again."""
    named = {"idempotency-key": idempotency_key, **(headers or {})}
    if webhook_url is not None:
        named["x-webhook-url"] = webhook_url
    if webhook_events is not None:
        named["x-webhook-events"] = ", ".join(webhook_events)
    return send("POST", path, document, headers=named, repeatable=True)


def model_path(model: str, kind: str | None = None) -> str:
    """Return the path to submit to, for a model's id with or without its kind.

    Raises ``ConfigurationError`` for an invalid id, or an id of another kind.
    """
    name = model.strip("/").removeprefix("generate/")
    first, _, rest = name.partition("/")
    if first in MODEL_KINDS and rest:
        if kind is not None and first != kind:
            raise ConfigurationError(f"{model!r} is not of the kind {kind}; use .{first}(…).")
        kind, name = first, rest
    if kind is None:
        raise ConfigurationError(
            f"{model!r} does not say its kind; write it like image/bfl/flux-1-dev."
        )
    if not _MODEL.fullmatch(name) or ".." in name:
        raise ConfigurationError(f"{model!r} is no model's id; write it like bfl/flux-1-dev.")
    return f"/generate/{kind}/{name}"


def part(value: str) -> str:
    """Return a value as one quoted segment of a path."""
    if not value or value in (".", ".."):
        raise ConfigurationError(f"{value!r} is no id.")
    return quote(value, safe="")


def merged(input: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a job, from a mapping and from keyword arguments."""
    document = dict(input or {})
    for name, value in more.items():
        if name in document and document[name] != value:
            raise ConfigurationError(f"{name} is given twice, with two values.")
        document[name] = value
    return document


def _params(params: Mapping[str, object]) -> dict[str, str]:
    return {name: _spelled(value) for name, value in params.items() if value is not None}


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
