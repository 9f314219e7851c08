"""Write lanes: which transaction functions share transactions.

Accepting and ending jobs locks their workspaces' counters, so both share a lane: on connections of
their own the one would only wait for the other's commit. Claims and deliveries lock other rows, so
that long and short transactions do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from ringback.storage.postgres.writer import PostgresWriter
from ringback.storage.transactions import deliveries, jobs
from ringback.storage.transactions.delivery_claims import claim_due
from ringback.storage.transactions.group_commit import GroupCommit
from ringback.storage.transactions.record import record_attempts
from ringback.storage.transactions.work import TransactionFunction

_LANES_COUNT = 3
_REST = 0  # transactions that lock workspaces, and rare ones

_LANE_OF: dict[Callable[..., Any], int] = {
    jobs.claim_jobs: 1,
    jobs.hold_jobs: 1,
    jobs.extend_leases: 1,
    jobs.requeue_jobs: 1,
    claim_due: 2,
    record_attempts: 2,
    deliveries.release_deliveries: 2,
    deliveries.rescue_deliveries: 2,
}


class WriteLanes:
    """Runs transaction functions, each in its lane: one connection, one transaction at a time."""

    def __init__(
        self, new_writer: Callable[[], PostgresWriter], *, monotonic: Callable[[], float]
    ) -> None:
        self._writers = [new_writer() for _ in range(_LANES_COUNT)]
        self._lanes = [GroupCommit(writer, monotonic=monotonic) for writer in self._writers]

    @property
    def commits_count(self) -> int:
        """How many transactions were committed."""
        return sum(lane.commits_count for lane in self._lanes)

    async def call(self, function: TransactionFunction, item: Any) -> Any:
        """Return the function's result for this item, committed, or raise its refusal."""
        return await self._lanes[_lane_of(function)].call(function, item)

    async def close(self) -> None:
        """Finish the accepted calls, then let go of the connections."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    def cut(self) -> None:
        """Break off the connections at once, also during a write."""
        for lane, writer in zip(self._lanes, self._writers, strict=True):
            writer.cut()
            lane.cut()


def _lane_of(function: TransactionFunction) -> int:
    return _LANE_OF.get(function.func if isinstance(function, partial) else function, _REST)
