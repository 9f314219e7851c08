"""fal's queue API: paths of requests, and the contents of its documents. Pure.

The response to a submission names URLs. Its path is used only if it has the configured origin and
ends in the request's own id; otherwise the path is built from the model's name, as fal's own
clients do.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import ProviderStatus
from ringback.engines.upstream.responses import id_in, unwrapped
from ringback.engines.upstream.results import completed, files_in
from ringback.engines.upstream.statuses import Phase, phase_of, unknown
from ringback.wire.answer_reasons import reason_in

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_MODEL = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{1,6}}")
_PATH = re.compile(rf"(?:/{_SEGMENT}){{2,8}}")
_NAMESPACES = frozenset({"workflows", "comfy"})
_STATUSES = {
    "IN_QUEUE": Phase.WAITING,
    "IN_PROGRESS": Phase.WAITING,
    "COMPLETED": Phase.COMPLETED,
}
_LOGS_MAX = 200
_ERRORS_SHOWN_MAX = 5


class Ticket(Struct, frozen=True, kw_only=True):
    """Identifies a request."""

    request_id: str
    path: str  # of its result; status and cancel are below it


def is_model(name: str) -> bool:
    """Return whether the name has the form of a model at fal, like ``fal-ai/flux/dev``."""
    return _MODEL.fullmatch(name) is not None


def ticket_of(document: Any, *, model: str, base_url: str) -> Ticket | None:
    """Return the ticket in the response to a submission, or None without a usable id."""
    found = id_in(document, "request_id")
    if found is None or not _ID.fullmatch(found):
        return None
    links = unwrapped(document, "response_url")
    url = links.get("response_url") if isinstance(links, dict) else None
    path = _path_below(url, base_url, found)
    return Ticket(request_id=found, path=path or _path_for(model, found))


def _path_for(model: str, request_id: str) -> str:
    parts = model.split("/")
    app = parts[:3] if parts[0] in _NAMESPACES else parts[:2]
    return f"/{'/'.join(app)}/requests/{request_id}"


def _path_below(url: Any, base_url: str, request_id: str) -> str | None:
    """Return the path of a URL below the base URL, if it belongs to the request."""
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


def status_of(document: Any) -> ProviderStatus | None:
    """Return the status of a request; the files of a completed one are fetched separately."""
    document = unwrapped(document, "status")
    word = document.get("status") if isinstance(document, dict) else None
    if not isinstance(word, str) or not word.strip():
        return None
    match phase_of(word, _STATUSES):
        case Phase.WAITING:
            return ProviderStatus(fraction=_fraction(document.get("logs")))
        case Phase.COMPLETED if document.get("error"):
            return ProviderStatus(status="failed", error=reason_in(document))
        case Phase.COMPLETED:
            return ProviderStatus(status="completed", cost=_cost(document.get("metrics")))
        case _:
            return unknown(word, input_errors(document) or reason_in(document))


def result_of(document: Any) -> ProviderStatus:
    """Return the final status of a request from its result."""
    return completed(files_in(document), document)


def input_errors(document: Any) -> str:
    """Return the validation errors in a response's ``detail``, each with its field."""
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return ""
    return "; ".join(filter(None, map(_input_error, detail[:_ERRORS_SHOWN_MAX])))


def _input_error(item: Any) -> str:
    if not isinstance(item, dict) or not isinstance(item.get("msg"), str):
        return ""
    location = item.get("loc")
    names = [str(part) for part in location[1:]] if isinstance(location, list) else []
    return f"{'.'.join(names)}: {item['msg']}" if names else item["msg"]


def _fraction(logs: Any) -> float | None:
    if not isinstance(logs, list):
        return None
    lines = [
        entry["message"]
        for entry in logs[-_LOGS_MAX:]
        if isinstance(entry, dict) and isinstance(entry.get("message"), str)
    ]
    return fraction_in("\n".join(lines))


def _cost(metrics: Any) -> str:
    seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
    return f"{seconds:g} s of the model's time" if type(seconds) in (int, float) else ""
