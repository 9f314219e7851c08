"""Webhooks that were taken already: the same signed bytes are not taken a second time."""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED_MAX = 10_000


class Replays:
    """Remembers what was taken, for as long as its signature would be believed."""

    def __init__(self, *, tolerance_s: float) -> None:
        self._kept_s = 2 * tolerance_s  # a timestamp may lie as far ahead as behind
        self._taken: OrderedDict[str, float] = OrderedDict()

    def is_new(self, signature: str, *, now_s: float) -> bool:
        """Say whether this one comes for the first time, and remember it."""
        while self._taken and (
            len(self._taken) >= _REMEMBERED_MAX
            or next(iter(self._taken.values())) < now_s - self._kept_s
        ):
            self._taken.popitem(last=False)
        if signature in self._taken:
            return False
        self._taken[signature] = now_s
        return True
