"""The store of leases and roles that processes share, and of figures for operators."""

from __future__ import annotations

from ringback.jobs.model import Job
from ringback.storage.contract import DueStats, Holder, Queued
from ringback.storage.mapping.rows import job_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import clock


class SqlControl(SqlBase):
    """``Control``."""

    async def lead(self, what: str, *, holder: str, now_ms: int, until_ms: int) -> bool:
        rows = await self._write(
            "control.lead", what=what, holder=holder, now_ms=now_ms, until_ms=until_ms
        )
        return bool(rows)

    async def drain_role(self, role: str, *, now_ms: int) -> None:
        await self._write("control.drain_role", role=role, now_ms=now_ms)

    async def undrain_role(self, role: str) -> None:
        await self._write("control.undrain_role", role=role)

    async def drained_roles(self) -> frozenset[str]:
        return frozenset(row[0] for row in await self._read("control.drained_roles"))

    async def last_written_ms(self) -> int:
        ((at_ms,),) = await self._scan("control.last_written")
        return int(at_ms)

    async def move_times(self, by_ms: int, *, now_ms: int) -> None:
        await self._call(clock.move_times, (by_ms, now_ms))

    async def move_keys(self, by_ms: int) -> None:
        await self._write("control.move_keys", by_ms=by_ms)

    async def queued(self) -> list[Queued]:
        return [
            Queued(engine=engine, model=model, count=count, oldest_at_ms=oldest_at_ms)
            for engine, model, count, oldest_at_ms in await self._scan("control.queued")
        ]

    async def holders(self) -> list[Holder]:
        return [
            Holder(worker_id=worker_id, jobs_count=count, lease_until_ms=lease_until_ms)
            for worker_id, count, lease_until_ms in await self._scan("control.holders")
        ]

    async def held_jobs(self, worker_id: str, *, limit: int) -> list[Job]:
        rows = await self._scan("control.held_jobs", worker_id=worker_id, limit=limit)
        return [job_from(row) for row in rows]

    async def due_stats(self, *, now_ms: int) -> DueStats:
        ((due, oldest_at_ms, held),) = await self._scan("control.due_stats", now_ms=now_ms)
        return DueStats(due_count=due, oldest_at_ms=oldest_at_ms, held_count=held)
