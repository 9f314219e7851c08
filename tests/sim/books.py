"""What the ledger knows of a job, a delivery, an endpoint and a breaker, from commits alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringback.jobs.model import JobStatus
from ringback.jobs.transitions import HELD, TRANSITIONS, JobEvent
from ringback.webhooks.events import INTERIM_EVENTS, TERMINAL_EVENTS

_REPORTS = (JobEvent.START, JobEvent.SAMPLE, JobEvent.PREVIEW)


def _ways() -> set[tuple[str, str]]:
    ways = {(status, to) for status, ways in TRANSITIONS.items() for to in ways.values()}
    # A holder writes down several reports at once.
    reported = {
        (status, ways[event])
        for status, ways in TRANSITIONS.items()
        for event in _REPORTS
        if event in ways
    }
    while more := {(a, d) for a, b in reported for c, d in reported if b is c} - reported:
        reported |= more
    extended = {(status, status) for status in HELD}
    return {(old.value, new.value) for old, new in ways | reported | extended}


WAYS = _ways()
"""Which status one commit may change into which."""

NEW_HANDS = {
    JobStatus.QUEUED.value,
    JobStatus.SCHEDULED.value,
    *(status.value for status in JobStatus if status.is_terminal),
}
"""The statuses that are reached by changing hands, so that the epoch grows."""

ENDS = frozenset(str(event) for event in TERMINAL_EVENTS)
INTERIM = frozenset(str(event) for event in INTERIM_EVENTS)


@dataclass(slots=True)
class JobSeen:
    """A committed job."""

    workspace_id: str
    status: str
    webhook_url: str | None
    webhook_events: tuple[str, ...]
    is_over: bool = False


@dataclass(slots=True)
class DeliverySeen:
    """A committed delivery."""

    job_id: str
    event: str
    endpoint_id: str | None
    url: str
    workspace_id: str
    destination_id: int
    body: str
    status: str = "waiting"
    epoch: int = 0
    attempts_count: int = 0
    round_attempts_count: int = 0
    round_started_at_ms: int = 0
    not_before_ms: int | None = None  # a receiver asked for that, and it was recorded
    rounds_asked: int = 0
    cancels_asked: int = 0

    @property
    def target(self) -> tuple[str | None, str]:
        """Return who is told, in an order of its own."""
        return (self.endpoint_id, self.url)


@dataclass(slots=True)
class EndpointSeen:
    """A committed endpoint; a deleted one is remembered."""

    workspace_id: str
    events: tuple[str, ...]
    url: str
    is_off: bool
    was_ever_off: bool = False


@dataclass(slots=True)
class BreakerSeen:
    """A committed breaker, and how much of a flight was handed out in the commit under way."""

    open_until_ms: int | None = None
    flight: int = 0
    flying: int = 0

    @property
    def most(self) -> int:
        """Return how many deliveries may be handed out while it is open."""
        return self.flight * 2 if self.flight and not self.flying else 1


@dataclass(slots=True)
class CommitSeen:
    """What one commit did, for what must be done together."""

    ended: dict[str, list[tuple[str | None, str]]] = field(default_factory=dict)
    owed: dict[str, list[tuple[str | None, str]]] = field(default_factory=dict)
    recorded: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    claimed: dict[int, tuple[int, int]] = field(default_factory=dict)
