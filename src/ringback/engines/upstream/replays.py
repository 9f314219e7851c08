"""Tells a new webhook from a copy of an earlier one by its signed bytes."""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED_MAX = 10_000


class Replays:
    """Remembers accepted signatures for as long as they are valid."""

    def __init__(self, *, tolerance_s: float) -> None:
        self._keep_s = 2 * tolerance_s  # a timestamp may be ahead or behind
        self._seen: OrderedDict[str, float] = OrderedDict()

    def is_new(self, signature: str, *, now_s: float) -> bool:
        """Return whether the signature is new, and remember it."""
        while self._seen and (
            len(self._seen) >= _REMEMBERED_MAX
            or next(iter(self._seen.values())) < now_s - self._keep_s
        ):
            self._seen.popitem(last=False)
        if signature in self._seen:
            return False
        self._seen[signature] = now_s
        return True
