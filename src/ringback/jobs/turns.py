"""Whose jobs are claimed next: pure, so that no workspace waits behind another's long queue.

Each workspace with queued jobs is a lane of its engine. A claim goes round the lanes from where
the last one stopped, and takes the same share of each.
"""

from __future__ import annotations

from collections.abc import Mapping


def share_of(limit: int, *, lanes_count: int) -> int:
    """Return how many jobs a lane gives at most, when so many are to be claimed in all."""
    return -(-limit // lanes_count)


def next_turn(after: str, counts: Mapping[str, int]) -> str:
    """Return behind which workspace the next claim begins.

    ``after`` is where this one began, and ``counts`` what it took of each lane: jobs were handed
    out one a lane, round after round, so the last to get one is the last of the longest.
    """

    def place(workspace_id: str) -> tuple[int, bool, str]:
        return counts[workspace_id], workspace_id <= after, workspace_id

    return max(counts, key=place, default=after)
