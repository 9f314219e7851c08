"""Orders workspaces by turns, and keeps those that had slow receivers lately apart. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

Turn = tuple[int, int, str]
"""A workspace's turn among those that have something to send: the smallest is next.

The slots that it holds, when it was last served, and its id.
"""

_OLD_TURNS_MAX = 64


class WorkspaceTurns:
    """Orders workspaces by the slots they hold; slow ones have an order of their own.

    Slow workspaces may take fewer slots than the others, so the first of either kind may be the
    one that finds a slot free.
    """

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        self._heaps: tuple[list[Turn], list[Turn]] = ([], [])  # old turns too; the slow ones' last

    def __contains__(self, workspace_id: str) -> bool:
        """Say whether the workspace has a turn."""
        return workspace_id in self._turns

    def give(self, turn: Turn, *, is_slow: bool) -> None:
        """Give a workspace its turn, instead of the one that it has."""
        if self._turns.get(turn[2]) == turn:
            return
        self._turns[turn[2]] = turn
        heap = self._heaps[is_slow]
        heapq.heappush(heap, turn)
        if len(heap) > 2 * len(self._turns) + _OLD_TURNS_MAX:  # mostly old ones
            heap[:] = [one for one in heap if self._turns.get(one[2]) is one]
            heapq.heapify(heap)

    def withdraw(self, workspace_id: str) -> None:
        """Take a workspace's turn away, if it has one."""
        self._turns.pop(workspace_id, None)

    def firsts(self) -> Iterator[str]:
        """Return the first workspace of each kind, the one that holds fewer first."""
        firsts = [turn for heap in self._heaps if (turn := self._first_of(heap)) is not None]
        for turn in sorted(firsts):
            yield turn[2]

    def _first_of(self, heap: list[Turn]) -> Turn | None:
        while heap:
            if self._turns.get(heap[0][2]) is heap[0]:
                return heap[0]
            heapq.heappop(heap)
        return None


class SlowWorkspaces:
    """Workspaces count as slow for a while after an attempt that took long."""

    def __init__(self, *, kept_s: float) -> None:
        self._kept_s = kept_s
        self._until: dict[str, float] = {}  # the one that ends first stands first

    def __contains__(self, workspace_id: str) -> bool:
        """Say whether the workspace counts as slow."""
        return workspace_id in self._until

    def __iter__(self) -> Iterator[str]:
        """Return the slow workspaces."""
        return iter(self._until)

    def add(self, workspace_id: str, now: float) -> None:
        """Count a workspace as slow from now on."""
        self._until.pop(workspace_id, None)
        self._until[workspace_id] = now + self._kept_s

    def ended(self, now: float) -> list[str]:
        """Forget those whose time is over, and return them."""
        over = []
        for workspace_id, until in self._until.items():
            if until > now:
                break
            over.append(workspace_id)
        for workspace_id in over:
            del self._until[workspace_id]
        return over
