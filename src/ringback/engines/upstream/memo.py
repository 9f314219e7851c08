"""What a run of a job writes down for a later one, so that nothing is bought twice."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Memo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a job had come at its provider."""

    sent: bool = False  # a submission was on its way, to a provider that would buy it again
    ticket: str | None = None

    def text(self) -> str:
        """Return the memo as it is kept."""
        return msgspec.json.encode(self).decode()


def read_memo(text: str | None) -> Memo:
    """Return what an earlier run wrote down, if one did."""
    return Memo() if text is None else msgspec.json.decode(text, type=Memo)
