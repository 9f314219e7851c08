"""The state that a run saves for a later run of its job, so that no job is submitted twice."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class ResumeState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the submission of a job got."""

    sent: bool = False  # a submission was started, to a provider without idempotency keys
    ticket: str | None = None

    def text(self) -> str:
        """Return the state as text for the store."""
        return msgspec.json.encode(self).decode()


def read_resume_state(text: str | None) -> ResumeState:
    """Return the state that an earlier run saved, or a new one."""
    return ResumeState() if text is None else msgspec.json.decode(text, type=ResumeState)
