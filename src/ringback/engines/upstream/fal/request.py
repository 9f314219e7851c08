"""fal's queue: where a request is looked up, and what its documents say. Pure.

The answer to a submission names URLs to look, to fetch and to cancel at. The path of one is
taken, where it is of the configured origin and ends in the request's own id; any other is as if
it were not there, and the path is made of the model's name, as fal's own clients do.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import Look
from ringback.engines.upstream.results import files_in

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_MODEL = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{1,6}}")
_PATH = re.compile(rf"(?:/{_SEGMENT}){{2,8}}")
_NAMESPACES = frozenset({"workflows", "comfy"})
_LOGS_MAX = 200
_WRONG_MAX = 5


class Ticket(Struct, frozen=True, kw_only=True):
    """What a request is found by."""

    request_id: str
    path: str  # of its result; status and cancel lie below


def is_model(name: str) -> bool:
    """Say whether the name can be one of a model at fal, like ``fal-ai/flux/dev``."""
    return _MODEL.fullmatch(name) is not None


def ticket_of(document: Any, *, model: str, base_url: str) -> Ticket | None:
    """Return the ticket of a submission's answer, or None where it has no usable id."""
    found = document.get("request_id") if isinstance(document, dict) else None
    if not isinstance(found, str) or not _ID.fullmatch(found):
        return None
    named = _path_below(document.get("response_url"), base_url, found)
    return Ticket(request_id=found, path=named or _path_for(model, found))


def _path_for(model: str, request_id: str) -> str:
    parts = model.split("/")
    app = parts[:3] if parts[0] in _NAMESPACES else parts[:2]
    return f"/{'/'.join(app)}/requests/{request_id}"


def _path_below(url: Any, base_url: str, request_id: str) -> str | None:
    """Return the part of a URL after the base URL, if it is below that and the request's own."""
    if not isinstance(url, str):
        return None
    try:
        target, base = parse_target(url), parse_target(base_url)
    except MalformedTarget:
        return None
    prefix = base.path_and_query.rstrip("/")
    path = target.path_and_query.removeprefix(prefix)
    is_ours = target.origin == base.origin and target.path_and_query.startswith(prefix)
    is_its = path.endswith(f"/requests/{request_id}") and _PATH.fullmatch(path) is not None
    return path if is_ours and is_its else None


def look_at(document: Any) -> Look | None:
    """Return how a request stands by its status; completed without files is to be fetched."""
    if not isinstance(document, dict):
        return None
    match document.get("status"):
        case "IN_QUEUE":
            return Look()
        case "IN_PROGRESS":
            return Look(fraction=_fraction(document.get("logs")))
        case "COMPLETED":
            error = document.get("error")
            if error:
                return Look(status="failed", error=error if isinstance(error, str) else "")
            return Look(status="completed", cost=_cost(document.get("metrics")))
        case _:
            return None


def result_of(document: Any) -> Look:
    """Return the end of a request by its result.

    A file is an object with a URL; only where there is none may it be a mere text, for an answer
    repeats what it was asked for.
    """
    files = files_in(document, only_urls_of_objects=True) or files_in(document)
    if not files:
        return Look(status="failed", error="it made no file")
    return Look(status="completed", files=files)


def wrong_with(document: Any) -> str:
    """Return what is wrong with an input by an answer's ``detail``, each field with its name."""
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return ""
    return "; ".join(filter(None, map(_wrong, detail[:_WRONG_MAX])))


def _wrong(item: Any) -> str:
    if not isinstance(item, dict) or not isinstance(item.get("msg"), str):
        return ""
    place = item.get("loc")
    names = [str(part) for part in place[1:]] if isinstance(place, list) else []
    return f"{'.'.join(names)}: {item['msg']}" if names else item["msg"]


def _fraction(logs: Any) -> float | None:
    if not isinstance(logs, list):
        return None
    lines = [
        line["message"]
        for line in logs[-_LOGS_MAX:]
        if isinstance(line, dict) and isinstance(line.get("message"), str)
    ]
    return fraction_in("\n".join(lines))


def _cost(metrics: Any) -> str:
    seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
    return f"{seconds:g} s of the model's time" if type(seconds) in (int, float) else ""
