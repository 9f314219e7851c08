"""How fast workspaces may submit: read and kept within the transaction, when there is a limit."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.jobs.admission import Limits, paid_until_ms, rate_wait_s
from ringback.jobs.queue import Submission
from ringback.storage.sql.work import Rows, Work


class Rates:
    """Until when each workspace's submissions are paid for."""

    def __init__(self, rows: Rows) -> None:
        self._until_ms: dict[str, float] = dict((row[0], row[1]) for row in rows)
        self._paid: set[str] = set()

    def wait_s(self, workspace_id: str, limits: Limits, *, now_ms: int) -> float:
        """Return how long the workspace has to wait before its next submission; mostly 0."""
        if not limits.rate:
            return 0.0
        return rate_wait_s(limits, paid_until_ms=self._until_ms[workspace_id], now_ms=now_ms)

    def pay(self, workspace_id: str, limits: Limits, *, now_ms: int) -> None:
        """Count a submission that was accepted."""
        if limits.rate:
            before = self._until_ms[workspace_id]
            self._until_ms[workspace_id] = paid_until_ms(
                limits, paid_until_ms=before, now_ms=now_ms
            )
            self._paid.add(workspace_id)

    def write(self) -> Work[None]:
        """Write what was paid."""
        if self._paid:
            rows = [(one, self._until_ms[one]) for one in sorted(self._paid)]
            yield "workspaces.keep_rates", {"rows": rows}


def rates_of(items: Sequence[Submission]) -> Work[Rates]:
    """Return the rates of the workspaces that have a limit; without one nothing is read."""
    limited = sorted({item.job.workspace_id for item in items if item.limits.rate})
    if not limited:
        return Rates([])
    return Rates((yield "workspaces.rates_of", {"workspace_ids": limited}))
