"""Names of kinds, statuses and events for type checkers: editors complete them and find typos."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, get_args

ModelKind = Literal["image", "video", "enhance", "audio"]
"""The kinds of models that have a route of their own, as their paths spell them."""

StatusName = Literal[
    "backlogged",
    "queued",
    "scheduled",
    "processing",
    "sampling",
    "intermediate-complete",
    "completed",
    "failed",
    "cancelled",
]
"""The nine statuses of a job."""

EventName = Literal[
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.backlogged",
    "job.started",
    "job.progress",
    "endpoint.test",
    "delivery.exhausted",
    "endpoint.failing",
    "endpoint.disabled",
    "destination.paused",
    "destination.recovered",
]
"""Every event that a webhook can bring; the last five are the operator's."""

if TYPE_CHECKING:
    SentStatus = StatusName
else:
    # A later server may send a status that this release does not know: it is read all the same.
    SentStatus = str

MODEL_KINDS: tuple[ModelKind, ...] = get_args(ModelKind)
EVENT_NAMES: tuple[EventName, ...] = get_args(EventName)


def unknown_event(name: str) -> str:
    """Return the sentence that refuses a name of no event and suggests the nearest one."""
    near = get_close_matches(name, EVENT_NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(EVENT_NAMES)}."
    return f"{name!r} is no event of Ringback; {hint}"
