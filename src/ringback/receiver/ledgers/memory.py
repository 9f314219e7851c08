"""A ledger in memory: for tests, and for effects that may be lost when the program ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ringback.receiver.ledgers.contract import BaseLedger, Held, Receipt


@dataclass(slots=True)
class _Row:
    receipt: Receipt
    due_at_s: float | None  # or the lease's end; None when handled or given up
    attempts_count: int = 0
    epoch: int = 0


class MemoryLedger(BaseLedger):
    """``Ledger`` in this process's memory."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._expected: dict[str, float] = {}
        self._ended: set[str] = set()
        self._lock = threading.Lock()

    def add(self, receipt: Receipt) -> bool:
        with self._lock:
            if receipt.key in self._rows:
                return False
            self._rows[receipt.key] = _Row(receipt, receipt.first_due_at_s)
            if receipt.ends_job and receipt.job_id is not None:
                self._ended.add(receipt.job_id)
            return True

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        with self._lock:
            due = [row for row in self._rows.values() if _is_due(row, now_s)]
            due.sort(key=lambda row: row.due_at_s or 0.0)
            return [_take(row, now_s + lease_s) for row in due[:limit]]

    def next_due_s(self) -> float | None:
        with self._lock:
            due = [row.due_at_s for row in self._rows.values() if row.due_at_s is not None]
            return min(due, default=None)

    def expect(self, job_id: str, *, now_s: float) -> None:
        with self._lock:
            self._expected.setdefault(job_id, now_s)

    def expects(self, job_id: str) -> bool:
        return job_id in self._expected

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        with self._lock:
            return [
                job_id
                for job_id, since_s in self._expected.items()
                if since_s < before_s and job_id not in self._ended
            ][:limit]

    def forget(self, *, before_s: float) -> int:
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

    def _settle(self, held: Held, due_at_s: float | None, error: str | None = None) -> bool:
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
