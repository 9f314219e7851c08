"""The counters of workspaces, locked when a transaction needs them and written at its end."""

from __future__ import annotations

from collections.abc import Iterable

from ringback.jobs.model import JobStatus
from ringback.storage.transactions.work import Rows, Statement, TransactionScript


class WorkspaceCounters:
    """How many jobs and deliveries workspaces have, with the changes of this transaction."""

    def __init__(self, rows: Rows) -> None:
        self._now: dict[str, list[int]] = {}
        self._before: dict[str, tuple[int, ...]] = {}
        self._with_budgets: set[str] = set()
        for workspace_id, endpoints, budgets, *counts in rows:
            if budgets:
                self._with_budgets.add(workspace_id)
            self._now[workspace_id] = [endpoints, *counts, 0, 0]
            self._before[workspace_id] = (endpoints, *counts, 0, 0)

    def of(self, workspace_id: str) -> tuple[int, int]:
        """Return how many active and backlogged jobs a workspace has."""
        _, active, backlogged, *_ = self._now[workspace_id]
        return active, backlogged

    def has_endpoints(self, workspace_id: str) -> bool:
        """Say whether the workspace keeps any endpoint."""
        return self._now[workspace_id][0] > 0

    def has_budgets(self, workspace_id: str) -> bool:
        """Say whether there is a budget for the workspace or one of its tokens."""
        return workspace_id in self._with_budgets

    def knows(self, workspace_id: str) -> bool:
        """Say whether there is such a workspace."""
        return workspace_id in self._now

    def add(
        self,
        workspace_id: str,
        *,
        active: int = 0,
        backlogged: int = 0,
        accepted: int = 0,
        owed: int = 0,
    ) -> None:
        """Count a change."""
        counts = self._now[workspace_id]
        counts[1] += active
        counts[2] += backlogged
        counts[3] += accepted
        counts[4] += owed

    def add_jobs(self, workspace_id: str, status: JobStatus, count: int) -> None:
        """Count jobs that enter (or, below 0, leave) a status that is not terminal."""
        is_backlogged = status is JobStatus.BACKLOGGED
        self._now[workspace_id][2 if is_backlogged else 1] += count

    def write(self) -> TransactionScript[None]:
        """Write the changes."""
        changes = self.changes()
        if changes is not None:
            yield changes

    def changes(self) -> Statement | None:
        """Return the statement that writes the changes since the last call, or None."""
        changes = []
        for workspace_id, now in self._now.items():
            before = self._before[workspace_id]
            if tuple(now) != before:
                differences = (now[i] - before[i] for i in range(1, 5))
                changes.append((workspace_id, *differences))
                self._before[workspace_id] = tuple(now)
        return ("workspaces.add_to_counters", {"rows": changes}) if changes else None


def lock_counters(workspace_ids: Iterable[str]) -> TransactionScript[WorkspaceCounters]:
    """Return the counters of workspaces, locked against other transactions until this one ends.

    Every transaction that writes a workspace's events begins here: of two such transactions one
    reads all that the other wrote, and positions in the feed grow in the order of commits.
    """
    bindings = {"workspace_ids": sorted(set(workspace_ids))}
    return WorkspaceCounters((yield "workspaces.lock_counters", bindings))
