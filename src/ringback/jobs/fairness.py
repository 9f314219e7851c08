"""Decides which workspaces' jobs are claimed next, so that none waits behind another's long queue.

Each workspace with queued jobs is a lane of its engine. A claim goes round the lanes from where
the last one stopped, and takes the same share of each. The decisions are pure.
"""

from __future__ import annotations

from collections.abc import Mapping


def share_of(limit: int, *, lanes_count: int, each_max: int | None = None) -> int:
    """Return how many jobs each lane gives at most when ``limit`` jobs are claimed in all."""
    share = -(-limit // lanes_count)
    return share if each_max is None else min(share, each_max)


def next_turn(after: str, counts: Mapping[str, int]) -> str:
    """Return the workspace behind which the next claim begins.

    ``after`` is where this claim began, and ``counts`` how many jobs it took of each lane. Jobs
    are taken one a lane, round after round, so the last served lane is the last of the longest.
    """

    def position(workspace_id: str) -> tuple[int, bool, str]:
        return counts[workspace_id], workspace_id <= after, workspace_id

    return max(counts, key=position, default=after)
