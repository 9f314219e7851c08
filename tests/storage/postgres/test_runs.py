"""Runs of node apps on PostgreSQL, by two workers that share a database and no wakeups."""

from __future__ import annotations

from pathlib import Path

from ringback.jobs.model import JobStatus
from ringback.storage.postgres import PostgresStore
from ringback.testing import ScriptedEngine
from tests.builders import open_workspaces
from tests.engines.node_apps.test_runs import AppWorld, a_step, an_app, draws


async def test_runs_end_by_two_workers_in_a_workspace_with_one_place(
    dsn: str, tmp_path: Path
) -> None:
    stores = [await PostgresStore.open(dsn) for _ in range(2)]
    await open_workspaces(stores[0], "studio")
    worlds = [AppWorld(store, tmp_path, active_max=1) for store in stores]
    app = an_app(left=a_step(), right=a_step(), last=a_step("left", "right"))
    first, second = worlds
    async with first.working(ScriptedEngine(draws)), second.working(ScriptedEngine(draws)):
        runs = [await world.execute(app) for world in (first, second, first)]
        ended = [await first.ended(run) for run in runs]
    assert {run.status for run in ended} == {JobStatus.COMPLETED}
    for run in runs:
        assert sorted(await second.steps(run)) == ["last", "left", "right"]
    assert (await stores[0].ledger()).balances
    for store in stores:
        await store.close()
