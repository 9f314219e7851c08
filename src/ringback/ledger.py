"""The books: what was accepted and owed against what is there. Pure; the store does the counting.

Accepted jobs are pending, ended or pruned; owed deliveries are waiting, ended or pruned. Beside
these sums there are rules that every single row keeps; a row that breaks one is named.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

ENDED_JOBS = ("completed", "failed", "cancelled")
DELIVERIES = ("delivered", "waiting", "exhausted", "discarded", "cancelled")
NAMED_MAX = 20
"""How many rows that break one rule are named."""

RULES = {
    "end_without_delivery": "a job has ended, wants to tell its webhook URL, and owes it nothing",
    "end_without_time": "a job has ended at no time",
    "end_that_is_held": "a job has ended, and a worker holds it",
    "delivery_without_event": "a delivery brings an event that is not there",
    "delivered_without_2xx": "a delivery is delivered, and its last attempt was not answered 2xx",
    "waiting_for_nothing": "a delivery waits, and no next attempt is due",
    "ended_and_due": "a delivery has ended, and is due, held, or ended at no time",
    "owed_twice": "one event is owed twice to one URL of one endpoint",
    "destination_overslept": "a destination is due later than a delivery that waits there",
    "job_in_no_status": "a job has a status that there is not",
    "delivery_in_no_status": "a delivery has a status that there is not",
    "nobodys_job": "a job is of a workspace that there is not",
    "nobodys_delivery": "a delivery is of a workspace that there is not",
}
"""What every row keeps, by name, and what is wrong where it does not."""


class Account(Struct, frozen=True, kw_only=True):
    """One workspace's sums: what its counters say, and what its rows add up to."""

    workspace_id: str
    accepted_count: int
    jobs_pruned_count: int
    owed_count: int
    deliveries_pruned_count: int
    active_count: int
    backlogged_count: int
    jobs: dict[str, int]
    deliveries: dict[str, int]

    @property
    def ended_count(self) -> int:
        """How many of its jobs have ended."""
        return sum(self.jobs.get(status, 0) for status in ENDED_JOBS)

    @property
    def pending_count(self) -> int:
        """How many of its jobs have not ended."""
        return sum(self.jobs.values()) - self.ended_count


class Fault(Struct, frozen=True, kw_only=True):
    """Something in the books that is not as it must be."""

    rule: str
    row: str  # the workspace, job, delivery or destination that it is about
    sentence: str


class Ledger(Struct, frozen=True, kw_only=True):
    """The books of every workspace that was asked about."""

    accounts: tuple[Account, ...]
    faults: tuple[Fault, ...]

    @property
    def balances(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults


def audit(accounts: Iterable[Account], broken: Iterable[tuple[str, str]]) -> Ledger:
    """Return the books: sums that do not add up, and the rows that break a rule."""
    accounts = tuple(accounts)
    faults = [fault for account in accounts for fault in _faults_of(account)]
    faults += [Fault(rule=rule, row=row, sentence=RULES[rule]) for rule, row in broken]
    return Ledger(accounts=accounts, faults=tuple(faults))


def _faults_of(account: Account) -> list[Fault]:
    jobs = sum(account.jobs.values()) + account.jobs_pruned_count
    deliveries = sum(account.deliveries.values()) + account.deliveries_pruned_count
    backlogged = account.jobs.get("backlogged", 0)
    sums = (
        ("accepted", account.accepted_count, jobs, "pending, ended and pruned jobs"),
        ("owed", account.owed_count, deliveries, "waiting, ended and pruned deliveries"),
        ("backlogged", account.backlogged_count, backlogged, "backlogged jobs"),
        ("active", account.active_count, account.pending_count - backlogged, "active jobs"),
    )
    return [
        Fault(
            rule=rule,
            row=account.workspace_id,
            sentence=f"the counter says {said:,}, and there are {there:,} {what}",
        )
        for rule, said, there, what in sums
        if said != there
    ]
