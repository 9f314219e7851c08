"""Reads a provider's word for a job's status. Pure.

The words of its documentation count at once. Of others only those of a job that goes on, and of one
that is complete, are believed; the rest is looked at again a few times before it ends the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ringback.engines.upstream.provider import ProviderStatus

_GOES_ON = frozenset(
    {"queued", "pending", "submitted", "created", "accepted", "scheduled", "started"}
    | {"backlogged", "new", "open", "active", "delayed", "paused", "throttled", "dispatched"}
    | {"not_started", "progress", "wait", "retry", "intermediate_complete"}
)
_IS_COMPLETE = frozenset(
    {"complete", "completed", "succeeded", "success", "successful", "done", "finished", "ready"}
)


class Phase(StrEnum):
    """Where a job stands at its provider."""

    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


def phase_of(word: str, own: Mapping[str, Phase]) -> Phase:
    """Return the phase that a status means; ``own`` has the words of the provider's API."""
    if (phase := own.get(word)) is not None:
        return phase
    folded = "_".join(word.lower().replace("-", " ").replace("_", " ").split())
    if folded in _GOES_ON or folded.startswith("in_") or folded.endswith("ing"):
        return Phase.WAITING
    return Phase.COMPLETED if folded in _IS_COMPLETE else Phase.UNKNOWN


def unknown(word: str, reason: str) -> ProviderStatus:
    """Return the status of a job with a word that is not known, and the provider's reason."""
    error = f'its status is "{word}"'
    return ProviderStatus(status="unknown", error=f"{error}: {reason}" if reason else error)
