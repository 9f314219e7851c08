"""What processes agree on through the store, and what an operator sees of them."""

from __future__ import annotations

from ringback.jobs.model import Job
from ringback.storage.contract import DueStats, Holder, Queued
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import job_from


class SqlControl(SqlBase):
    """``Control``."""

    async def lead(self, what: str, *, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or keep the lead in something; False while somebody else has it."""
        rows = await self._write(
            "control.lead", what=what, holder=holder, now_ms=now_ms, until_ms=until_ms
        )
        return bool(rows)

    async def drain_role(self, role: str, *, now_ms: int) -> None:
        """Let no process claim in that role from now on."""
        await self._write("control.drain_role", role=role, now_ms=now_ms)

    async def undrain_role(self, role: str) -> None:
        """Let processes claim in that role again."""
        await self._write("control.undrain_role", role=role)

    async def drained_roles(self) -> frozenset[str]:
        """Return the roles in which nobody may claim."""
        return frozenset(row[0] for row in await self._read("control.drained_roles"))

    async def queued(self) -> list[Queued]:
        """Return what waits for a worker, by engine and model."""
        return [
            Queued(engine=engine, model=model, count=count, oldest_at_ms=oldest_at_ms)
            for engine, model, count, oldest_at_ms in await self._scan("control.queued")
        ]

    async def holders(self) -> list[Holder]:
        """Return the workers that hold jobs."""
        return [
            Holder(worker_id=worker_id, jobs_count=count, lease_until_ms=lease_until_ms)
            for worker_id, count, lease_until_ms in await self._scan("control.holders")
        ]

    async def held_jobs(self, worker_id: str, *, limit: int) -> list[Job]:
        """Return jobs that a worker holds."""
        rows = await self._scan("control.held_jobs", worker_id=worker_id, limit=limit)
        return [job_from(row) for row in rows]

    async def due_stats(self, *, now_ms: int) -> DueStats:
        """Return how many deliveries are due, since when, and how many are held."""
        ((due, oldest_at_ms, held),) = await self._scan("control.due_stats", now_ms=now_ms)
        return DueStats(due_count=due, oldest_at_ms=oldest_at_ms, held_count=held)
