"""What the verbs and the dispatcher need remembered about events and deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.styles.model import Style
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.events import Event
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus


class Ending(Struct, frozen=True, kw_only=True):
    """A job that is over, the job as it was before, and the event that tells of it.

    A training that completed also has its style.
    """

    before: Job
    after: Job
    limits: Limits
    event: Event
    style: Style | None = None


class Recording(Struct, frozen=True, kw_only=True):
    """An attempt that was made: the delivery as it is after, and what it says of others.

    ``healthy`` says whether the destination did its part, whatever became of the delivery.
    """

    delivery: Delivery
    attempt: Attempt
    healthy: bool
    gone: bool = False  # the receiver wants no more: its endpoint is disabled
    now_ms: int
    breaker: BreakerSettings
    failing: FailingSettings


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of a recording."""

    written: bool  # False: the delivery has changed hands, nothing was changed
    paused: bool = False  # the destination's breaker is open: nothing more goes there now


class Outbox(Protocol):
    """Events and deliveries, durably: written with the terminal status, claimed when due."""

    async def end_job(self, ending: Ending) -> bool:
        """Write the terminal status, its event, what it owes and its style in one transaction.

        Returns False, and changes nothing, when the job has changed hands since ``before``.
        Owed are: the job's own webhook URL and the workspace's endpoints, each if it wants the
        event. Deliveries of the job's passing events that still wait are cancelled. A job that
        ends makes room: the workspace's longest-backlogged jobs join the queue.
        """

    async def tell(self, job: Job, event: Event) -> bool:
        """Write a passing event of a job and what it owes; False if the job has changed hands.

        Nothing is written when nobody wants it. Progress takes the place of progress that still
        waits, and nobody is owed any while the last is on its way there.
        """

    async def claim_due(
        self,
        *,
        now_ms: int,
        limit: int,
        limit_each: int,
        lease_until_ms: int,
        rooms: Mapping[int, int] | None = None,
        passing_rooms: Mapping[int, int] | None = None,
        listener: Endpoint | None = None,
    ) -> list[Delivery]:
        """Take deliveries that are due, destinations in the order of their longest-due one.

        With a ``listener`` they are those of its destination; without, of any but listeners'.

        Of one destination, passing events come after all else, and no more of them than half of
        ``limit_each``, or than ``passing_rooms`` has for its number.

        No destination gives more than ``limit_each``, or than ``rooms`` has for its number, so
        that one long line does not fill a claim; one whose breaker is not closed gives no more
        than its flight, and one that a person paused nothing.
        """

    async def record_attempt(self, recording: Recording) -> Recorded:
        """Write an attempt and all that follows from it, in one transaction.

        That is the delivery, the destination's breaker, how its endpoint fares, and the
        operator's events about them.
        """

    async def release_deliveries(self, deliveries: Sequence[Delivery], *, now_ms: int) -> None:
        """Give claimed deliveries back, unattempted."""

    async def rescue_deliveries(self, *, leases_until_ms: int, now_ms: int) -> int:
        """Give back deliveries whose lease ended by then, due again now; returns how many.

        Of what a listener's program holds, only that of which the lease has ended by now.
        """

    async def end_delivery(
        self, delivery: Delivery, status: DeliveryStatus, *, now_ms: int
    ) -> bool:
        """End a waiting delivery without an attempt; False if it has changed hands."""

    async def is_held(self, delivery: Delivery) -> bool:
        """Say whether a claimed delivery is still in its claimer's hands."""

    async def next_due_ms(self) -> int | None:
        """Return when the next delivery may be claimed, or None when none waits.

        What waits for a listener does not count: its program takes it whenever it comes.
        """

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job, in the order of their writing."""

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
