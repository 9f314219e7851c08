"""Replicate's predictions: their paths and the contents of their documents. Pure.

The URLs in a document are not followed. Paths are built from the prediction's id, so that no
response can send the operator's key to another host.
"""

from __future__ import annotations

import re
from typing import Any

from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import ProviderStatus
from ringback.engines.upstream.responses import id_in, unwrapped
from ringback.engines.upstream.results import completed, files_in
from ringback.engines.upstream.statuses import Phase, phase_of, unknown
from ringback.wire.answer_reasons import reason_in

EVENTS = ("start", "output", "logs", "completed")

_STATUSES = {
    "starting": Phase.WAITING,
    "processing": Phase.WAITING,
    "succeeded": Phase.COMPLETED,
    "failed": Phase.FAILED,
    "aborted": Phase.FAILED,
    "canceled": Phase.CANCELLED,
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_VERSION = re.compile(r"[0-9a-f]{64}")
_SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_MODEL = re.compile(rf"({_SLUG})/({_SLUG})(?::([0-9a-f]{{64}}))?")
_DEPLOYMENT = re.compile(rf"deployments/({_SLUG})/({_SLUG})")


def endpoint_of(model: str) -> tuple[str, dict[str, str]] | None:
    """Return the path for new predictions of a model, and the extra fields of the body.

    A model is ``owner/name`` (an official one), ``owner/name:version``, a version alone, or
    ``deployments/owner/name``; anything else gives None.
    """
    if found := _DEPLOYMENT.fullmatch(model):
        return f"/v1/deployments/{found[1]}/{found[2]}/predictions", {}
    if _VERSION.fullmatch(model):
        return "/v1/predictions", {"version": model}
    found = _MODEL.fullmatch(model)
    if found is None:
        return None
    if found[3] is not None:
        return "/v1/predictions", {"version": found[3]}
    return f"/v1/models/{found[1]}/{found[2]}/predictions", {}


def id_of(document: Any) -> str | None:
    """Return the id in a prediction's document, or None without a usable one."""
    found = id_in(document, "id")
    return found if found is not None and _ID.fullmatch(found) else None


def path_of(prediction_id: str) -> str:
    """Return the path of the prediction."""
    return f"/v1/predictions/{prediction_id}"


def status_of(document: Any) -> ProviderStatus | None:
    """Return the status of a prediction, or None if the document is not a prediction."""
    document = unwrapped(document, "status")
    if not isinstance(document, dict):
        return None
    word = document.get("status")
    if not isinstance(word, str) or not word.strip():
        return None
    match phase_of(word, _STATUSES):
        case Phase.WAITING:
            logs = document.get("logs")
            files = files_in(document.get("output")).files
            return ProviderStatus(
                fraction=fraction_in(logs) if isinstance(logs, str) else None,
                preview=files[-1] if files else None,
            )
        case Phase.COMPLETED:
            output = document.get("output")
            return completed(files_in(output), output, cost=_cost(document.get("metrics")))
        case Phase.FAILED:
            reason = reason_in(document.get("error")) or reason_in(document)
            if not reason and word == "aborted":
                reason = "it was not started before its deadline"
            return ProviderStatus(status="failed", error=reason)
        case Phase.CANCELLED:
            return ProviderStatus(status="cancelled")
        case Phase.UNKNOWN:
            return unknown(word, reason_in(document.get("error")) or reason_in(document))


def _cost(metrics: Any) -> str:
    seconds = metrics.get("predict_time") if isinstance(metrics, dict) else None
    return f"{seconds:g} s of the model's time" if type(seconds) in (int, float) else ""
