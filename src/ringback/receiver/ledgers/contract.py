"""The protocol of every ledger; its methods may be called from any thread and process."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct


class Receipt(Struct, frozen=True, kw_only=True):
    """One received webhook, as the ledger stores it."""

    key: str
    webhook_id: str
    type: str
    job_id: str | None
    timestamp_s: int
    body: bytes
    received_at_s: float
    has_handler: bool = True  # without one the receipt is never due
    ends_job: bool = False

    @property
    def first_due_at_s(self) -> float | None:
        """When the receipt is due at first; None without a handler."""
        return self.received_at_s if self.has_handler else None


STORED = ("key", "webhook_id", "type", "job_id", "timestamp_s", "body", "received_at_s")
"""The members of a receipt that are columns of a table."""


class Held(Struct, frozen=True, kw_only=True):
    """A receipt that one handler has claimed until a lease ends; each claim raises ``epoch``."""

    receipt: Receipt
    attempts_count: int  # this one included
    epoch: int


class Ledger(Protocol):
    """Stores receipts, each handled once, and the jobs that are expected to end."""

    def add(self, receipt: Receipt) -> bool:
        """Keep a receipt durably; False, and nothing changed, when its key is there already."""

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        """Claim due receipts, oldest first; no other claim gets them before the lease ends."""

    def extend(self, held: Held, *, until_s: float) -> bool:
        """Move the end of a lease; False when it was lost."""

    def done(self, held: Held) -> bool:
        """Mark a receipt as handled; False when its lease was lost."""

    def failed(self, held: Held, *, again_at_s: float | None, error: str) -> bool:
        """Record a failure: due again then, or given up for None; False when the lease was lost."""

    def next_due_s(self) -> float | None:
        """Return when the next receipt is due, or its lease ends; None when there is none."""

    def expect(self, job_id: str, *, now_s: float) -> None:
        """Note a job that this program has started."""

    def expects(self, job_id: str) -> bool:
        """Say whether this program has started a job, ended or not."""

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        """Return jobs that were expected before then and whose end was not received."""

    def forget(self, *, before_s: float) -> int:
        """Delete older handled receipts and expected jobs; return how many receipts."""


class TransactionalLedger(Ledger, Protocol):
    """A ledger in a database where a handler can write in the receipt's own transaction."""

    def transaction(self, held: Held) -> AbstractContextManager[Any]:
        """Open a transaction that has marked the receipt as handled; commit at the context's end.

        Raises ``LeaseLost`` when another handler has claimed the receipt; any exception inside
        rolls the transaction back.
        """


class BaseLedger(Ledger):
    """A ledger in which extending, ending and failing are one guarded change of the due time."""

    @abstractmethod
    def _settle(self, held: Held, due_at_s: float | None, error: str | None = None) -> bool:
        """Set when a receipt is due; False when its lease was lost."""

    def extend(self, held: Held, *, until_s: float) -> bool:
        return self._settle(held, until_s)

    def done(self, held: Held) -> bool:
        return self._settle(held, None)

    def failed(self, held: Held, *, again_at_s: float | None, error: str) -> bool:
        return self._settle(held, again_at_s, error)


class LeaseLost(Exception):
    """Another handler has claimed the receipt; the transaction was rolled back."""
