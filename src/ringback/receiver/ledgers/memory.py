"""A ledger that ends with the program: for tests, and for effects that may be lost with it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ringback.receiver.ledgers.contract import Held, Receipt


@dataclass(slots=True)
class _Row:
    receipt: Receipt
    due_at_s: float | None  # or its lease's end; None when nothing is to be done
    attempts_count: int = 0
    epoch: int = 0


class MemoryLedger:
    """``Ledger`` in this process's memory."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._expected: dict[str, float] = {}
        self._ended: set[str] = set()
        self._lock = threading.Lock()

    def add(self, receipt: Receipt) -> bool:
        """Keep a receipt; False, and nothing changed, when its key is there already."""
        with self._lock:
            if receipt.key in self._rows:
                return False
            due_at_s = receipt.received_at_s if receipt.has_handler else None
            self._rows[receipt.key] = _Row(receipt, due_at_s)
            if receipt.ends_job and receipt.job_id is not None:
                self._ended.add(receipt.job_id)
            return True

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        """Take receipts that are due, oldest first."""
        with self._lock:
            due = [row for row in self._rows.values() if _is_due(row, now_s)]
            due.sort(key=lambda row: row.due_at_s or 0.0)
            return [_take(row, now_s + lease_s) for row in due[:limit]]

    def extend(self, held: Held, *, until_s: float) -> bool:
        """Move the end of a lease; False when it was lost."""
        return self._settle(held, until_s)

    def done(self, held: Held) -> bool:
        """Note that a receipt was handled; False when its lease was lost."""
        return self._settle(held, None)

    def failed(self, held: Held, *, again_at_s: float | None, error: str) -> bool:
        """Note that handling broke; False when its lease was lost."""
        return self._settle(held, again_at_s)

    def next_due_s(self) -> float | None:
        """Return when the next receipt is due; None when there is none."""
        with self._lock:
            due = [row.due_at_s for row in self._rows.values() if row.due_at_s is not None]
            return min(due, default=None)

    def expect(self, job_id: str, *, now_s: float) -> None:
        """Note a job that this program has started."""
        with self._lock:
            self._expected.setdefault(job_id, now_s)

    def expects(self, job_id: str) -> bool:
        """Say whether this program has started a job."""
        return job_id in self._expected

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        """Return jobs that are expected since before then, and of whose end nothing has come."""
        with self._lock:
            return [
                job_id
                for job_id, since_s in self._expected.items()
                if since_s < before_s and job_id not in self._ended
            ][:limit]

    def forget(self, *, before_s: float) -> int:
        """Delete what was handled, and what was expected, before then."""
        with self._lock:
            old = [
                key
                for key, row in self._rows.items()
                if row.due_at_s is None and row.receipt.received_at_s < before_s
            ]
            for key in old:
                del self._rows[key]
            for job_id in [one for one, since_s in self._expected.items() if since_s < before_s]:
                del self._expected[job_id]
                self._ended.discard(job_id)
            return len(old)

    def _settle(self, held: Held, due_at_s: float | None) -> bool:
        with self._lock:
            row = self._rows.get(held.receipt.key)
            if row is None or row.epoch != held.epoch or row.due_at_s is None:
                return False
            row.due_at_s = due_at_s
            return True


def _is_due(row: _Row, now_s: float) -> bool:
    return row.due_at_s is not None and row.due_at_s <= now_s


def _take(row: _Row, until_s: float) -> Held:
    row.due_at_s = until_s
    row.attempts_count += 1
    row.epoch += 1
    return Held(receipt=row.receipt, attempts_count=row.attempts_count, epoch=row.epoch)
