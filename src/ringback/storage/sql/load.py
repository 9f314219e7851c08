"""The counters of workspaces, read when a transaction needs them and written at its end."""

from __future__ import annotations

from collections.abc import Iterable

from ringback.storage.sql.work import Ask, Rows, Work


class Load:
    """How many jobs workspaces have, and what they were promised."""

    def __init__(self, rows: Rows) -> None:
        self._now: dict[str, list[int]] = {}
        self._before: dict[str, tuple[int, ...]] = {}
        self._limited: set[str] = set()
        for workspace_id, endpoints, budgets, *counts in rows:
            if budgets:
                self._limited.add(workspace_id)
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
        return workspace_id in self._limited

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

    def write(self) -> Work[None]:
        """Write what has changed."""
        changes = self.changes()
        if changes is not None:
            yield changes

    def changes(self) -> Ask | None:
        """Return the statement that writes what has changed since the last, if anything has."""
        changes = []
        for workspace_id, now in self._now.items():
            before = self._before[workspace_id]
            if tuple(now) != before:
                differences = (now[i] - before[i] for i in range(1, 5))
                changes.append((workspace_id, *differences))
                self._before[workspace_id] = tuple(now)
        return ("workspaces.change_load", {"rows": changes}) if changes else None


def load_of(workspace_ids: Iterable[str]) -> Work[Load]:
    """Return the counters of workspaces; nobody else changes them until the transaction is over.

    Whoever writes what a workspace is owed begins here, so that of two such transactions one sees
    all that the other wrote, and the places in its feed grow in the order of commits.
    """
    return Load((yield "workspaces.load_of", {"workspace_ids": sorted(set(workspace_ids))}))
