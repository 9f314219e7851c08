"""A rate that is never exceeded: so many a second, in any second. Pure."""

from __future__ import annotations

_SPACED_BELOW = 20.0  # rates below are spaced evenly, others may bunch within a moment
_BUNCH_S = 0.05
_SHARE = 0.9  # so that a bunch at each end of a second still keeps the rate


class RateLimiter:
    """Says when the next may go; the generic cell rate algorithm (ITU-T I.371).

    In any second there are at most ``rate`` takings; 0 is no limit.
    """

    __slots__ = ("_bunch_s", "_due", "_spacing_s")

    def __init__(self, rate: float) -> None:
        spaced = rate < _SPACED_BELOW
        self._spacing_s = 0.0 if not rate else 1 / (rate if spaced else rate * _SHARE)
        self._bunch_s = 0.0 if spaced else _BUNCH_S
        self._due = float("-inf")

    def wait_s(self, now: float) -> float:
        """Return how long the next must wait; ``now`` in seconds of a monotonic clock."""
        return max(0.0, self._due - self._bunch_s - now) if self._spacing_s else 0.0

    def take(self, now: float) -> None:
        """Let one go."""
        self._due = max(self._due, now) + self._spacing_s
