"""Which verbs share transactions.

Whoever accepts or ends jobs locks their workspaces' counters, so those share: on connections of
their own the one would only wait for the other's commit. Claims and deliveries lock other rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ringback.storage.sql import delivery_verbs, job_verbs
from ringback.storage.sql.work import Verb

LANES = 3
_REST = 0  # what locks workspaces, and what is seldom

_LANE_OF: dict[Callable[..., Any], int] = {
    job_verbs.claim_jobs: 1,
    job_verbs.hold_jobs: 1,
    job_verbs.extend_leases: 1,
    job_verbs.requeue_jobs: 1,
    delivery_verbs.claim_due: 2,
    delivery_verbs.record_attempts: 2,
    delivery_verbs.release_deliveries: 2,
    delivery_verbs.rescue_deliveries: 2,
}


def lane_of(verb: Verb) -> int:
    """Return the lane in which a verb is done."""
    return _LANE_OF.get(verb.func if isinstance(verb, partial) else verb, _REST)
