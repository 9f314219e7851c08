"""The port of the outbox: events and their deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.styles.model import Style
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.claim_rooms import WorkspaceRooms
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.events import Event
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus


class Ending(Struct, frozen=True, kw_only=True):
    """A job that has ended, the job as it was before, and its terminal event.

    A training that completed also has its style.
    """

    before: Job
    after: Job
    limits: Limits
    event: Event
    style: Style | None = None


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """An attempt to write: the delivery after it, and the facts for breakers and endpoints.

    ``healthy`` says whether the destination did its part, even if the delivery failed.
    """

    delivery: Delivery
    attempt: Attempt
    healthy: bool
    gone: bool = False  # the receiver wants no more: its endpoint is disabled
    now_ms: int
    breaker: BreakerSettings
    failing: FailingSettings


class RecordOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of writing an attempt."""

    written: bool  # False: the delivery has changed hands, nothing was changed
    paused: bool = False  # the destination's breaker is open: nothing more goes there now


class Outbox(Protocol):
    """Events and deliveries, durably: written with the terminal status, claimed when due."""

    async def end_job(self, ending: Ending) -> bool:
        """Write the terminal status, its event, the deliveries and the style in one transaction.

        Returns False, and changes nothing, when the job has changed hands since ``before``.
        The job's own webhook URL and the workspace's endpoints get a delivery if they select the
        event. Waiting deliveries of the job's interim events are cancelled. A job that
        ends makes room: the workspace's longest-backlogged jobs join the queue.
        """

    async def add_interim_event(self, job: Job, event: Event) -> bool:
        """Write an interim event of a job and its deliveries; False if the job has changed hands.

        Nothing is written when no receiver selects it. Progress replaces progress that still
        waits, and a receiver gets none while the last is on its way there.
        """

    async def claim_due(
        self,
        *,
        now_ms: int,
        limit: int,
        limit_each: int,
        lease_until_ms: int,
        rooms: Mapping[int, int] | None = None,
        interim_rooms: Mapping[int, int] | None = None,
        workspaces: WorkspaceRooms | None = None,
        listener: Endpoint | None = None,
    ) -> list[Delivery]:
        """Take deliveries that are due: of workspaces in turn, of each the longest-due first.

        With a ``listener`` they are those of its destination; without, of any but listeners'.

        No workspace gives more than ``workspaces`` has room for, and none more than an equal part
        of ``limit`` while others have deliveries that are due: however many destinations one has,
        it hides no other's.

        Of one destination, interim events come after all else, and no more of them than half of
        ``limit_each``, or than ``interim_rooms`` has for its number.

        No destination gives more than ``limit_each``, or than ``rooms`` has for its number, so
        that one long queue does not fill a claim; one whose breaker is not closed gives no more
        than its flight, and one that a person paused nothing.
        """

    async def record_attempt(self, recording: AttemptRecord) -> RecordOutcome:
        """Write an attempt and all that follows from it, in one transaction.

        That is the delivery, the destination's breaker, the state of its endpoint, and the
        operator's events about them.
        """

    async def release_deliveries(self, deliveries: Sequence[Delivery], *, now_ms: int) -> None:
        """Give claimed deliveries back, unattempted."""

    async def rescue_deliveries(self, *, leases_until_ms: int, now_ms: int) -> int:
        """Give back deliveries whose lease ended by then, due again now; returns how many.

        Of those that a listener's program holds, only those whose lease has ended by now.
        """

    async def end_delivery(
        self, delivery: Delivery, status: DeliveryStatus, *, now_ms: int
    ) -> bool:
        """End a waiting delivery without an attempt; False if it has changed hands."""

    async def is_held(self, delivery: Delivery) -> bool:
        """Say whether a claimed delivery is still in its claimer's hands."""

    async def next_due_ms(self, *, after_ms: int = -1) -> int | None:
        """Return when the next delivery may be claimed, or None when none waits.

        With ``after_ms``, of those that may be claimed later than that.

        Deliveries for listeners do not count: their programs take them when they connect.
        """

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job, in the order of their writing."""

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
