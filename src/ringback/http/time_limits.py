"""The time limits of requests: how long their parts may take to arrive."""

from __future__ import annotations

from msgspec import Struct


class Deadline(Struct, frozen=True, kw_only=True):
    """A time in the event loop's seconds, and the longest silence before it."""

    at_s: float
    idle_s: float

    def after(self, received_at_s: float) -> float:
        """Return when to give up if nothing came since that time."""
        return min(self.at_s, received_at_s + self.idle_s)


class TimeLimits(Struct, frozen=True, kw_only=True):
    """How many seconds each part of a request may take."""

    head_s: float = 30.0  # from the request's first byte to the end of its head
    idle_s: float = 30.0  # between two parts of its body
    body_s: float = 900.0  # its body in all
    # After a refusal in the middle of a request, its rest is received and dropped for so long.
    refused_idle_s: float = 5.0
    refused_s: float = 30.0
    # A client that has ended its sending is answered within that time, or has left.
    half_closed_s: float = 10.0

    def head(self, now_s: float) -> Deadline:
        """Return the deadline of a head that begins now."""
        return Deadline(at_s=now_s + self.head_s, idle_s=self.head_s)

    def body(self, now_s: float) -> Deadline:
        """Return the deadline of a body whose head has just ended."""
        return Deadline(at_s=now_s + self.body_s, idle_s=self.idle_s)

    def refused(self, now_s: float) -> Deadline:
        """Return until when the rest of a refused request is received and dropped."""
        return Deadline(at_s=now_s + self.refused_s, idle_s=self.refused_idle_s)
