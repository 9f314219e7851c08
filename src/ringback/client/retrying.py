"""The retry policy: which failures are retried, and after which delay. Pure."""

from __future__ import annotations

from random import Random

from msgspec import Struct

AGAIN_STATUSES = frozenset({408, 425, 429})
NEVER_STATUSES = frozenset({501, 505})  # a missing feature will not appear soon
_FIRST_S = 0.5
_LONGEST_S = 20.0
_RETRY_AFTER_S_MAX = 120.0  # a longer wait raises the error at once


class Retrying(Struct, frozen=True):
    """The number of retries, and the random generator of their delays."""

    retries_max: int
    rng: Random

    def wait_s(
        self,
        retries: int,
        *,
        status: int | None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> float | None:
        """Return the delay before the next retry, or None to give up.

        ``status`` is None when no answer came. The delay is full jitter over a doubling bound,
        and never shorter than the server's Retry-After.
        """
        if retries >= self.retries_max or not _may_mend(status, code):
            return None
        if retry_after is not None and retry_after > _RETRY_AFTER_S_MAX:
            return None
        bound_s = min(_LONGEST_S, _FIRST_S * 2**retries)
        return max(self.rng.uniform(0, bound_s), retry_after or 0.0)


def _may_mend(status: int | None, code: str | None) -> bool:
    if status is None or status in AGAIN_STATUSES:
        return True
    if status >= 500:
        return status not in NEVER_STATUSES
    # A conflict is permanent, unless the first submission of this key is still in progress.
    return status == 409 and code in ("in_progress", "idempotency_in_progress")
