"""What every ledger promises. All of it may be called from any thread, and by many processes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct


class Receipt(Struct, frozen=True, kw_only=True):
    """A webhook that came: what the ledger keeps of it."""

    key: str
    webhook_id: str
    type: str
    job_id: str | None
    timestamp_s: int
    body: bytes
    received_at_s: float
    has_handler: bool = True  # without one there is nothing to do about it
    ends_job: bool = False


class Held(Struct, frozen=True, kw_only=True):
    """A receipt in the hands of one handler, until its lease ends; ``epoch`` grows with each."""

    receipt: Receipt
    attempts_count: int  # that were begun, this one included
    epoch: int


class Ledger(Protocol):
    """Receipts, each handled once, and the jobs that are expected to end."""

    def add(self, receipt: Receipt) -> bool:
        """Keep a receipt durably; False, and nothing changed, when its key is there already."""

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        """Take receipts that are due, oldest first; nobody else gets them before the lease ends."""

    def extend(self, held: Held, *, until_s: float) -> bool:
        """Move the end of a lease; False when it was lost."""

    def done(self, held: Held) -> bool:
        """Note that a receipt was handled; False when its lease was lost."""

    def failed(self, held: Held, *, again_at_s: float | None, error: str) -> bool:
        """Note that handling broke: due again then, or never again; False when it was lost."""

    def next_due_s(self) -> float | None:
        """Return when the next receipt is due, or its lease ends; None when there is none."""

    def expect(self, job_id: str, *, now_s: float) -> None:
        """Note a job that this program has started."""

    def expects(self, job_id: str) -> bool:
        """Say whether this program has started a job, ended or not."""

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        """Return jobs that are expected since before then, and of whose end nothing has come."""

    def forget(self, *, before_s: float) -> int:
        """Delete what was handled, and what was expected, before then; return how many receipts."""


class TransactionalLedger(Ledger, Protocol):
    """A ledger in a database in which effects can be written together with the receipt."""

    def transaction(self, held: Held) -> AbstractContextManager[Any]:
        """Give a connection on which the receipt is already done, committed with what follows.

        Raises ``LeaseLost`` when somebody else has the receipt; whatever else is raised inside
        undoes all of it.
        """


class LeaseLost(Exception):
    """The receipt is in other hands; what was done about it here is undone."""
