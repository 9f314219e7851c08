"""Drops a partition, a week of rows, that is past its retention.

Rows that must stay (a job that still waits, a delivery that is tried again) move to the rest
partition first, and are pruned there one by one. The counters change in the same transaction.
"""

from __future__ import annotations

from msgspec import Struct

from ringback.ids import uuid7_floor
from ringback.storage.postgres.connections import Connection
from ringback.storage.postgres.partitions import WEEK_MS, is_there, partition_of, weeks_of
from ringback.storage.retention import Kept

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

_DELIVERY_STAYS = "select 1 from deliveries d where d.delivery_id = p.delivery_id"
_JOB_STAYS = "select 1 from jobs j where j.job_id = p.job_id"

# Other transactions go first: the drop is tried again in a moment.
_LOCK_TIMEOUT = "set local lock_timeout = '300ms'"


class DetachedPartition(Struct, frozen=True, kw_only=True):
    """A partition that is past its time."""

    kept: Kept
    week: int
    before_ms: int

    @property
    def name(self) -> str:
        """The partition's table."""
        return partition_of(self.kept.value, self.week)

    @property
    def over(self) -> str:
        """The condition, on a row ``p``, under which it is forgotten."""
        return _OVER[self.kept].format(before_ms=int(self.before_ms), name=self.name)


async def next_partition(
    connection: Connection, kept: Kept, *, before_ms: int
) -> DetachedPartition | None:
    """Return the oldest partition if all its rows are from before that time, or None."""
    if kept not in _OVER:
        return None
    weeks = await weeks_of(connection, kept.value)
    if not weeks or (weeks[0] + 1) * WEEK_MS > before_ms:
        return None
    return DetachedPartition(kept=kept, week=weeks[0], before_ms=before_ms)


async def drop_partition(connection: Connection, partition: DetachedPartition) -> int:
    """Drop a partition, count its rows as pruned, and return how many they are."""
    if partition.kept is Kept.JOBS:
        await _forget_prompts(connection, partition)
    # Names of our own and numbers: nothing here is a stranger's.
    name, parent, over = partition.name, partition.kept.value, partition.over
    # Counted before anything is locked; rows past their retention no longer change.
    async with connection.transaction(readonly=True):
        if partition.kept in _COUNTED:
            counting = f"select workspace_id, count(*) from {name} p where {over} group by 1"  # noqa: S608
        else:
            counting = f"select '', count(*) from {name} p where {over}"  # noqa: S608
        counts = dict(await connection.fetch(counting))
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        # Workspaces first, then tables, as every transaction that writes both does.
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
        if partition.kept is Kept.DELIVERIES:
            await _drop_followers(connection, "attempts", partition.week, staying=_DELIVERY_STAYS)
        if partition.kept is Kept.JOBS:
            await _drop_followers(connection, "prompts", partition.week, staying=_JOB_STAYS)
        if counted := _COUNTED.get(partition.kept):
            await connection.execute(
                f"update workspaces set {counted} = {counted} + c.count "  # noqa: S608
                "from unnest($1::text[], $2::bigint[]) c (id, count) where workspace_id = c.id",
                list(counts),
                list(counts.values()),
            )
    return sum(counts.values())


async def _drop_followers(connection: Connection, table: str, week: int, *, staying: str) -> None:
    """Drop another table's partition of that week; rows whose owner stays move to the rest."""
    if not await is_there(connection, table, week):
        return
    name = partition_of(table, week)
    await connection.execute(f"alter table {table} detach partition {name}")
    await connection.execute(
        f"insert into {table} select * from {name} p where exists ({staying})"  # noqa: S608
    )
    await connection.execute(f"drop table {name}")


async def _forget_prompts(connection: Connection, partition: DetachedPartition) -> None:
    """Delete a week's prompts in the rest partition, before any lock is taken.

    Those of jobs from before there was an index do. A job whose prompt goes, and which stays all
    the same as it is not over, is no longer found by its text.
    """
    first, end = uuid7_floor(partition.week * WEEK_MS), uuid7_floor((partition.week + 1) * WEEK_MS)
    await connection.execute(
        "delete from prompts_rest where job_id >= $1 and job_id < $2", first, end
    )
