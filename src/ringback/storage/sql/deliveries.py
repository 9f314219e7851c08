"""The outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from ringback.jobs.model import Job
from ringback.storage.sql import delivery_verbs as verbs
from ringback.storage.sql import job_verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import attempt_from, delivery_from
from ringback.storage.sql.work import Verb
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import Ending, Recorded, Recording


class SqlOutbox(SqlBase):
    """An ``Outbox``."""

    # Bound once: calls of one verb are grouped by its identity.

    @cached_property
    def _end_jobs(self) -> Verb:
        return partial(job_verbs.end_jobs, mint=self._mint)

    @cached_property
    def _tell(self) -> Verb:
        return partial(verbs.tell, mint=self._mint)

    @cached_property
    def _record_attempts(self) -> Verb:
        return partial(verbs.record_attempts, mint=self._mint)

    async def end_job(self, ending: Ending) -> bool:
        """Write the terminal status, its event and every delivery it owes in one transaction."""
        return bool(await self._call(self._end_jobs, ending))

    async def tell(self, job: Job, event: Event) -> bool:
        """Write a passing event of a job and what it owes; False if the job has changed hands."""
        return bool(await self._call(self._tell, (job, event)))

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
        """Take deliveries that are due."""
        where = None if listener is None else (listener.workspace_id, listener.destination)
        if not await self._is_anything_due(now_ms, where):
            return []  # nothing to take is no reason to write
        wish = verbs.ClaimDue(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit_each,
            lease_until_ms=lease_until_ms,
            rooms=rooms or {},
            passing_rooms=passing_rooms or {},
            listener=where,
        )
        claimed: list[Delivery] = await self._call(verbs.claim_due, wish)
        return claimed

    async def _is_anything_due(self, now_ms: int, listener: tuple[str, str] | None) -> bool:
        if listener is None:
            first_due_ms = await self.next_due_ms()
            return first_due_ms is not None and first_due_ms <= now_ms
        workspace_id, origin = listener
        asked = {"workspace_id": workspace_id, "origin": origin, "now_ms": now_ms}
        return bool(await self._read("deliveries.is_listener_due", **asked))

    async def record_attempt(self, recording: Recording) -> Recorded:
        """Write an attempt and all that follows from it, in one transaction."""
        recorded: Recorded = await self._call(self._record_attempts, recording)
        return recorded

    async def release_deliveries(self, deliveries: Sequence[Delivery], *, now_ms: int) -> None:
        """Give claimed deliveries back, unattempted."""
        await self._call(verbs.release_deliveries, (tuple(deliveries), now_ms))

    async def rescue_deliveries(self, *, leases_until_ms: int, now_ms: int) -> int:
        """Give back deliveries whose lease ended by then."""
        asked = (leases_until_ms, now_ms)
        rescued: int = await self._call(verbs.rescue_deliveries, asked)
        return rescued

    async def end_delivery(
        self, delivery: Delivery, status: DeliveryStatus, *, now_ms: int
    ) -> bool:
        """End a waiting delivery without an attempt; False if it has changed hands."""
        ended = await self._write(
            "deliveries.end_delivery",
            delivery_id=delivery.delivery_id,
            epoch=delivery.epoch,
            status=status.value,
            now_ms=now_ms,
        )
        return bool(ended)

    async def is_held(self, delivery: Delivery) -> bool:
        """Say whether a claimed delivery is still in its claimer's hands."""
        asked = {"delivery_id": delivery.delivery_id, "epoch": delivery.epoch}
        return bool(await self._read("deliveries.is_held", **asked))

    async def next_due_ms(self) -> int | None:
        """Return when the next delivery may be claimed, or None when none waits."""
        rows = await self._read("deliveries.next_due")
        return rows[0][0] if rows else None

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job, in the order of their writing."""
        return [
            delivery_from(row)
            for row in await self._read("deliveries.deliveries_of", job_id=job_id)
        ]

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
        rows = await self._read("deliveries.attempts_of", delivery_id=delivery_id)
        return [attempt_from(row) for row in rows]
