"""The audit: compares counters of jobs and deliveries with the rows. Pure; the store counts.

Accepted jobs are pending, ended or pruned; owed deliveries are waiting, ended or pruned. Beside
these sums there are rules that every single row keeps; a row that breaks one is named.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

ENDED_JOBS = ("completed", "failed", "cancelled")
DELIVERIES = ("delivered", "waiting", "exhausted", "discarded", "cancelled")
NAMED_MAX = 20
"""The most rows that are named for one rule."""

RULES = {
    "end_without_delivery": "a job has ended, has a webhook URL for the event, and no delivery",
    "end_without_time": "a job has ended at no time",
    "end_that_is_held": "a job has ended, and a worker holds it",
    "delivery_without_event": "a delivery brings an event that is not there",
    "delivered_without_2xx": "a delivery is delivered, and its last attempt was not answered 2xx",
    "waiting_for_nothing": "a delivery waits, and no next attempt is due",
    "ended_and_due": "a delivery has ended, and is due, held, or ended at no time",
    "owed_twice": "one event has two deliveries to one URL of one endpoint",
    "destination_overslept": "a destination is due later than a delivery that waits there",
    "job_in_no_status": "a job has an unknown status",
    "delivery_in_no_status": "a delivery has an unknown status",
    "nobodys_job": "a job is of a workspace that does not exist",
    "nobodys_delivery": "a delivery is of a workspace that does not exist",
}
"""The rules that every row keeps, by name, with the sentence for a row that breaks one."""


class Account(Struct, frozen=True, kw_only=True):
    """One workspace's sums: its counters, and the sums of its rows."""

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
    """A sum that does not add up, or a row that breaks a rule."""

    rule: str
    row: str  # the workspace, job, delivery or destination that it is about
    sentence: str


class AuditReport(Struct, frozen=True, kw_only=True):
    """The sums of each audited workspace, and all faults."""

    accounts: tuple[Account, ...]
    faults: tuple[Fault, ...]

    @property
    def balances(self) -> bool:
        """Say whether there are no faults."""
        return not self.faults


def audit(accounts: Iterable[Account], broken: Iterable[tuple[str, str]]) -> AuditReport:
    """Return the report: sums that do not add up, and the rows that break a rule."""
    accounts = tuple(accounts)
    faults = [fault for account in accounts for fault in _faults_of(account)]
    faults += [Fault(rule=rule, row=row, sentence=RULES[rule]) for rule, row in broken]
    return AuditReport(accounts=accounts, faults=tuple(faults))


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
            sentence=f"the counter says {counted:,}, and there are {there:,} {what}",
        )
        for rule, counted, there, what in sums
        if counted != there
    ]
