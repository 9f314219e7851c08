"""Replicate's predictions: where one is asked for, and what its document says. Pure.

The document names URLs to look and to cancel at; none is followed. Both are made of the
prediction's id here, so that no answer leads the operator's key anywhere else.
"""

from __future__ import annotations

import re
from typing import Any

from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import Look
from ringback.engines.upstream.results import files_in

EVENTS = ("start", "output", "logs", "completed")

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_VERSION = re.compile(r"[0-9a-f]{64}")
_SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_MODEL = re.compile(rf"({_SLUG})/({_SLUG})(?::([0-9a-f]{{64}}))?")
_DEPLOYMENT = re.compile(rf"deployments/({_SLUG})/({_SLUG})")


def place_of(model: str) -> tuple[str, dict[str, str]] | None:
    """Return the path that a prediction of the model is asked for at, and what its body names.

    A model is ``owner/name`` (an official one), ``owner/name:version``, a version alone, or
    ``deployments/owner/name``; None for what is none of these.
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
    """Return the id of a prediction's document, or None where it has none that can be used."""
    found = document.get("id") if isinstance(document, dict) else None
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def path_of(prediction_id: str) -> str:
    """Return where the prediction is looked up."""
    return f"/v1/predictions/{prediction_id}"


def look_at(document: Any) -> Look | None:
    """Return how a prediction stands, or None for what is no prediction's document."""
    if not isinstance(document, dict):
        return None
    match document.get("status"):
        case "starting":
            return Look()
        case "processing":
            logs = document.get("logs")
            files = files_in(document.get("output"))
            return Look(
                fraction=fraction_in(logs) if isinstance(logs, str) else None,
                preview=files[-1] if files else None,
            )
        case "succeeded":
            return _succeeded(document)
        case "failed":
            error = document.get("error")
            return Look(status="failed", error=error if isinstance(error, str) else "")
        case "canceled":
            return Look(status="cancelled")
        case "aborted":
            return Look(status="failed", error="it was not begun before its deadline")
        case _:
            return None


def _succeeded(document: dict[str, Any]) -> Look:
    files = files_in(document.get("output"))
    if not files:
        return Look(status="failed", error="it made no file")
    metrics = document.get("metrics")
    seconds = metrics.get("predict_time") if isinstance(metrics, dict) else None
    cost = f"{seconds:g} s of the model's time" if type(seconds) in (int, float) else ""
    return Look(status="completed", files=files, cost=cost)
