"""The outbox of deliveries, on a SQL database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringback.jobs.model import Job
from ringback.storage.mapping.rows import attempt_from, delivery_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions.deliveries import (
    add_interim_events,
    release_deliveries,
    rescue_deliveries,
)
from ringback.storage.transactions.delivery_claims import claim_due
from ringback.storage.transactions.end import end_jobs
from ringback.storage.transactions.record import record_attempts
from ringback.webhooks.claim_rooms import ClaimDue, WorkspaceRooms, any_room
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending, RecordOutcome


class SqlOutbox(SqlBase):
    """An ``Outbox``."""

    _after = ""  # the workspace behind which the next claim begins

    async def end_job(self, ending: Ending) -> bool:
        return bool(await self._call(self._with_ids(end_jobs), ending))

    async def add_interim_event(self, job: Job, event: Event) -> bool:
        return bool(await self._call(self._with_ids(add_interim_events), (job, event)))

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
        where = None if listener is None else (listener.workspace_id, listener.destination)
        if not await self._is_anything_due(now_ms, where):
            return []  # a claim is a write, which is not needed
        request = ClaimDue(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit_each,
            lease_until_ms=lease_until_ms,
            rooms=rooms or {},
            interim_rooms=interim_rooms or {},
            workspaces=workspaces or any_room(limit),
            after=self._after,
            listener=where,
        )
        claimed = await self._call(claim_due, (request,))
        self._after = claimed.after
        return claimed.deliveries

    async def _is_anything_due(self, now_ms: int, listener: tuple[str, str] | None) -> bool:
        if listener is None:
            first_due_ms = await self.next_due_ms()
            return first_due_ms is not None and first_due_ms <= now_ms
        workspace_id, origin = listener
        bindings = {"workspace_id": workspace_id, "origin": origin, "now_ms": now_ms}
        return bool(await self._read("deliveries.is_listener_due", **bindings))

    async def record_attempt(self, recording: AttemptRecord) -> RecordOutcome:
        recorded: RecordOutcome = await self._call(self._with_ids(record_attempts), recording)
        return recorded

    async def release_deliveries(self, deliveries: Sequence[Delivery], *, now_ms: int) -> None:
        await self._call(release_deliveries, (tuple(deliveries), now_ms))

    async def rescue_deliveries(self, *, leases_until_ms: int, now_ms: int) -> int:
        return await self._call(rescue_deliveries, (leases_until_ms, now_ms))

    async def end_delivery(
        self, delivery: Delivery, status: DeliveryStatus, *, now_ms: int
    ) -> bool:
        ended = await self._write(
            "deliveries.end_delivery",
            delivery_id=delivery.delivery_id,
            epoch=delivery.epoch,
            status=status.value,
            now_ms=now_ms,
        )
        return bool(ended)

    async def is_held(self, delivery: Delivery) -> bool:
        bindings = {"delivery_id": delivery.delivery_id, "epoch": delivery.epoch}
        return bool(await self._read("deliveries.is_held", **bindings))

    async def next_due_ms(self, *, after_ms: int = -1) -> int | None:
        rows = await self._read("deliveries.next_due", after_ms=after_ms)
        return rows[0][0] if rows else None

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        return [
            delivery_from(row)
            for row in await self._read("deliveries.deliveries_of", job_id=job_id)
        ]

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        rows = await self._read("deliveries.attempts_of", delivery_ids=[delivery_id])
        return [attempt_from(row[1:]) for row in rows]
