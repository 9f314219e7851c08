"""Forgetting a week at a time: a partition that is past its time is dropped.

What is not over in it (a job that still waits, a delivery that is tried again) moves to the rest
first, where it is pruned row by row once it is. The books are kept in the same transaction.
"""

from __future__ import annotations

from msgspec import Struct

from ringback.ids import uuid7_floor
from ringback.retention import Kept
from ringback.storage.postgres.connecting import Connection
from ringback.storage.postgres.partitions import WEEK_MS, is_there, partition_of, weeks_of

# A step stays for as long as its run, which is in its own partition or elsewhere; while the
# partition is dropped, no other statement would find it there.
_RUN_STAYS = (
    "exists (select 1 from {table} r where r.job_id = p.run_id "
    "and coalesce(r.completed_at_ms >= {{before_ms}}, true))"
)
_OVER = {
    Kept.JOBS: (
        "completed_at_ms < {before_ms} and (p.run_id is null or not ("
        f"{_RUN_STAYS.format(table='jobs')} or {_RUN_STAYS.format(table='{name}')}))"
    ),
    Kept.DELIVERIES: "ended_at_ms < {before_ms}",
    Kept.ATTEMPTS: "started_at_ms < {before_ms}",
    Kept.EVENTS: (
        "created_at_ms < {before_ms} "
        "and not exists (select 1 from deliveries d where d.event_id = p.event_id)"
    ),
}
_COUNTED = {Kept.JOBS: "jobs_pruned_count", Kept.DELIVERIES: "deliveries_pruned_count"}

# Whoever is in the way has the right of way: it is tried again in a moment.
_LOCK_TIMEOUT = "set local lock_timeout = '300ms'"


class Retiree(Struct, frozen=True, kw_only=True):
    """A partition that is past its time."""

    what: Kept
    week: int
    before_ms: int

    @property
    def name(self) -> str:
        """The partition's table."""
        return partition_of(self.what.value, self.week)

    @property
    def over(self) -> str:
        """The condition, on a row ``p``, under which it is forgotten."""
        return _OVER[self.what].format(before_ms=int(self.before_ms), name=self.name)


async def next_retiree(connection: Connection, what: Kept, *, before_ms: int) -> Retiree | None:
    """Return the oldest partition all of whose time is before that, or None."""
    if what not in _OVER:
        return None
    weeks = await weeks_of(connection, what.value)
    if not weeks or (weeks[0] + 1) * WEEK_MS > before_ms:
        return None
    return Retiree(what=what, week=weeks[0], before_ms=before_ms)


async def retire(connection: Connection, retiree: Retiree) -> int:
    """Drop a partition, and count what was forgotten; returns how many rows."""
    if retiree.what is Kept.JOBS:
        await _forget_prompts(connection, retiree)
    # Names of our own and numbers: nothing here is a stranger's.
    name, parent, over = retiree.name, retiree.what.value, retiree.over
    # Counted before anything is locked; what is over stays as it is.
    async with connection.transaction(readonly=True):
        if retiree.what in _COUNTED:
            counting = f"select workspace_id, count(*) from {name} p where {over} group by 1"  # noqa: S608
        else:
            counting = f"select '', count(*) from {name} p where {over}"  # noqa: S608
        counts = dict(await connection.fetch(counting))
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        # Workspaces first, then tables, as whoever writes both does.
        await connection.execute(
            "select 1 from workspaces where workspace_id = any($1::text[]) "
            "order by workspace_id for no key update",
            list(counts),
        )
        await connection.execute(f"alter table {parent} detach partition {name}")
        await connection.execute(
            f"insert into {parent} select * from {name} p where ({over}) is not true"  # noqa: S608
        )
        await connection.execute(f"drop table {name}")
        if retiree.what is Kept.DELIVERIES:
            await _drop_attempts(connection, retiree.week)
        if retiree.what is Kept.JOBS:
            await _drop_prompts(connection, retiree.week)
        if counted := _COUNTED.get(retiree.what):
            await connection.execute(
                f"update workspaces set {counted} = {counted} + c.count "  # noqa: S608
                "from unnest($1::text[], $2::bigint[]) c (id, count) where workspace_id = c.id",
                list(counts),
                list(counts.values()),
            )
    return sum(counts.values())


async def _drop_attempts(connection: Connection, week: int) -> None:
    """Let attempts go with their deliveries, where they are kept for longer than those."""
    if not await is_there(connection, "attempts", week):
        return
    name = partition_of("attempts", week)
    await connection.execute(f"alter table attempts detach partition {name}")
    await connection.execute(
        f"insert into attempts select * from {name} p "  # noqa: S608
        "where exists (select 1 from deliveries d where d.delivery_id = p.delivery_id)"
    )
    await connection.execute(f"drop table {name}")


async def _forget_prompts(connection: Connection, retiree: Retiree) -> None:
    """Delete a week's prompts that lie in the rest, before what is locked is locked.

    Those of jobs from before there was an index do. A job whose prompt goes, and which stays all
    the same as it is not over, is no longer found by its text.
    """
    first, end = uuid7_floor(retiree.week * WEEK_MS), uuid7_floor((retiree.week + 1) * WEEK_MS)
    await connection.execute(
        "delete from prompts_rest where job_id >= $1 and job_id < $2", first, end
    )


async def _drop_prompts(connection: Connection, week: int) -> None:
    """Let the prompts go with their jobs; those of jobs that stay move to the rest, as these do."""
    if not await is_there(connection, "prompts", week):
        return
    name = partition_of("prompts", week)
    await connection.execute(f"alter table prompts detach partition {name}")
    await connection.execute(
        f"insert into prompts select * from {name} p "  # noqa: S608
        "where exists (select 1 from jobs j where j.job_id = p.job_id)"
    )
    await connection.execute(f"drop table {name}")
