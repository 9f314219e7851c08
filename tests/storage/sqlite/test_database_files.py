"""The data directory: one server opens it, and its files are private and whole."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import apsw
import pytest

from ringback.errors import SetupError, StorageFull
from ringback.jobs.model import JobStatus
from ringback.jobs.transitions import TRANSITIONS, JobEvent
from ringback.storage.contract import Workspace
from ringback.storage.sqlite import SqliteStore
from ringback.storage.sqlite.database_files import DirectoryLock, make_directory
from ringback.storage.sqlite.statements import STATEMENTS
from tests.builders import a_job, a_key, a_submission, open_workspaces


async def test_a_second_server_on_a_directory_is_refused_with_a_sentence(tmp_path: Path) -> None:
    first = await SqliteStore.open(tmp_path)
    with pytest.raises(SetupError, match=f"process {os.getpid()}.*--data"):
        await SqliteStore.open(tmp_path)
    await first.close()
    await (await SqliteStore.open(tmp_path)).close()


def test_a_lock_that_is_released_twice_closes_no_file_of_others(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.release()
    other = os.open(os.devnull, os.O_RDONLY)  # has the number that the lock had
    lock.release()
    os.fstat(other)
    os.close(other)


def test_the_lock_goes_with_the_process_that_held_it(tmp_path: Path) -> None:
    holder = (
        "import asyncio, sys, pathlib; from ringback.storage.sqlite import SqliteStore;"
        "asyncio.run(SqliteStore.open(pathlib.Path(sys.argv[1]))); import os; os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", holder, str(tmp_path)], check=False)
    assert done.returncode == 9

    async def open_again() -> None:
        await (await SqliteStore.open(tmp_path)).close()

    asyncio.run(open_again())


async def test_the_command_line_writes_beside_a_running_server(tmp_path: Path) -> None:
    server = await SqliteStore.open(tmp_path)
    beside = await SqliteStore.open(tmp_path, exclusive=False)
    made = Workspace(workspace_id="w", created_at_ms=1)
    await beside.open_workspace(made, a_key())
    assert await server.get_workspace("w") == made
    await beside.close()
    await server.close()


async def test_the_command_line_opens_the_store_while_the_server_is_writing(tmp_path: Path) -> None:
    server = await SqliteStore.open(tmp_path)
    server._connection.execute("begin immediate")
    beside = await SqliteStore.open(tmp_path, exclusive=False)
    assert [one.workspace_id for one in await beside.list_workspaces()] == []
    await beside.close()
    server._connection.execute("rollback")
    await server.close()


async def test_what_was_written_by_a_later_version_is_left_alone(tmp_path: Path) -> None:
    await (await SqliteStore.open(tmp_path)).close()
    database = apsw.Connection(str(tmp_path / "ringback.db"))
    database.pragma("user_version", 9999)
    database.close()
    with pytest.raises(SetupError, match="later Ringback"):
        await SqliteStore.open(tmp_path)


async def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ringback.db").write_text("a letter to my aunt, " * 100)
    with pytest.raises(SetupError, match=r"ringback\.db cannot be opened"):
        await SqliteStore.open(tmp_path)


async def test_the_data_are_their_owners_alone(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "ringback.db").stat().st_mode & 0o077 == 0
    await store.close()


async def test_every_commit_is_synced_in_wal_mode_by_a_library_that_keeps_it(
    tmp_path: Path,
) -> None:
    store = await SqliteStore.open(tmp_path)
    connection = store._connection
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)
    await store.close()


async def test_many_waiting_submissions_share_few_commits(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    await open_workspaces(store, "studio")
    before = store.commits_count
    await asyncio.gather(*(store.submit(a_submission(a_job())) for _ in range(400)))
    assert store.commits_count - before <= 40
    await store.close()


async def test_hundreds_of_writes_that_fail_are_each_answered_and_the_next_one_works(
    tmp_path: Path,
) -> None:
    store = await SqliteStore.open(tmp_path)
    await open_workspaces(store, "studio")
    store.limit_size(1)
    big = {"prompt": "x" * 30_000}
    answers = await asyncio.gather(
        *(store.submit(a_submission(a_job(input=big))) for _ in range(600)), return_exceptions=True
    )
    assert all(isinstance(answer, StorageFull) for answer in answers)
    store.limit_size(100_000)
    await store.submit(a_submission())
    await store.close()


def test_the_statuses_written_in_sql_are_those_of_the_table() -> None:
    assert [status for status, ways in TRANSITIONS.items() if JobEvent.CLAIM in ways] == ["queued"]
    assert TRANSITIONS[JobStatus.QUEUED][JobEvent.CLAIM] == "scheduled"
    assert TRANSITIONS[JobStatus.BACKLOGGED][JobEvent.ADMIT] == "queued"
    assert "status = 'queued'" in STATEMENTS["jobs.claim_jobs"]
    assert "set status = 'scheduled'" in STATEMENTS["jobs.claim_jobs"]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("jobs.claim_jobs", "jobs_queued"),
        ("jobs.lanes", "jobs_queued"),
        ("jobs.expired_jobs", "jobs_leased"),
        ("jobs.admit_jobs", "jobs_backlogged"),
        ("jobs.list_jobs", "jobs_of_workspace"),
        ("search.window", "jobs_of_workspace"),
        ("search.hits", "prompts VIRTUAL TABLE INDEX"),
        ("search.next", "INTEGER PRIMARY KEY"),
        ("jobs.list_of_type", "jobs_of_type"),
        ("jobs.list_ended", "jobs_ended"),
        ("jobs.list_pending", "jobs_pending"),
        ("jobs.types_of", "jobs_of_type"),
        ("jobs.queued_engines", "jobs_queued"),
        ("jobs.get_job", "sqlite_autoindex_jobs_1"),
        ("jobs.end_jobs", "sqlite_autoindex_jobs_1"),
        ("jobs.hold_jobs", "sqlite_autoindex_jobs_1"),
        ("jobs.forget_keys", "idempotency_used"),
        ("deliveries.next_due", "destinations_due"),
        ("deliveries.due_destinations", "destinations_due"),
        ("deliveries.due_workspaces", "destinations_due_of_workspace"),
        (
            "deliveries.due_of_workspaces",
            "destinations_due_of_workspace (workspace_id=? AND <expr>",
        ),
        ("deliveries.due_among", "INTEGER PRIMARY KEY"),
        ("deliveries.settle_destinations", "deliveries_due"),
        ("deliveries.settle_destinations", "deliveries_passing_due"),
        ("deliveries.interim_due_of", "deliveries_passing_due"),
        ("deliveries.cancel_interim", "deliveries_passing"),
        ("deliveries.cancel_old_progress", "deliveries_passing"),
        ("deliveries.progress_under_way", "deliveries_passing"),
        ("deliveries.due_of", "deliveries_due"),
        ("deliveries.claim_deliveries", "INTEGER PRIMARY KEY"),
        ("deliveries.record_deliveries", "sqlite_autoindex_deliveries_1"),
        ("deliveries.rescue_deliveries", "deliveries_leased"),
        ("deliveries.deliveries_of", "deliveries_of_job"),
        ("log.window_of_job", "deliveries_of_job"),
        ("log.first_from", "deliveries_of_workspace"),
        ("log.first_of_all_from", "INTEGER PRIMARY KEY"),
        ("log.count_some", "deliveries_of_workspace"),
        ("log.count_some_of_all", "INTEGER PRIMARY KEY"),
        ("log.window_of_endpoint", "deliveries_of_endpoint"),
        ("log.window_of_destination", "deliveries_to"),
        ("log.window_of_reason", "deliveries_by_reason"),
        ("log.window_of_troubled", "deliveries_troubled"),
        ("log.window_of_workspace", "deliveries_of_workspace"),
        ("log.window_of_all", "INTEGER PRIMARY KEY"),
        ("log.deliveries_at", "INTEGER PRIMARY KEY"),
        ("log.events_after", "events_of_workspace"),
        ("log.events_after", "deliveries_of_job (job_id=? AND event_seq=?)"),
        ("log.last_event_of", "events_of_workspace"),
        ("log.get_destination", "sqlite_autoindex_destinations_1"),
        ("log.list_destinations", "sqlite_autoindex_destinations_1"),
        ("log.pause_destination", "INTEGER PRIMARY KEY"),
        ("log.waiting_at", "deliveries_due"),
        ("activity.delivery_counts", "deliveries_of_workspace"),
        ("activity.job_counts", "jobs_of_workspace"),
        ("activity.pending_counts", "jobs_pending"),
        ("activity.oldest_waiting", "deliveries_due"),
        ("activity.last_status_codes", "sqlite_autoindex_deliveries_1"),
        ("activity.jobs_with_ids", "jobs"),
        ("activity.destinations_with_ids", "INTEGER PRIMARY KEY"),
        ("log.waiting_before", "deliveries_due (destination_id=? AND next_attempt_at_ms<?)"),
    ],
)
async def test_a_statement_seeks_by_its_index_and_scans_no_table(
    tmp_path: Path, statement: str, index: str
) -> None:
    store = await SqliteStore.open(tmp_path)
    rows = store._connection.execute(
        f"explain query plan {STATEMENTS[statement]}", defaultdict(lambda: None)
    ).fetchall()
    plan = [str(row[3]) for row in rows]
    assert any(index in step for step in plan), plan
    scans = [
        step
        for step in plan
        if re.match(r"SCAN (jobs|deliveries|destinations|events|idempotency)\b", step)
    ]
    assert all("COVERING INDEX" in step and index in step for step in scans), plan
    await store.close()


def test_a_data_directory_whose_name_is_no_utf_8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="name is no UTF-8; name another with --data"):
        make_directory(tmp_path / "caf\udce9")
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_whose_path_is_too_long_for_sqlite_is_refused_before_it_is_made(
    tmp_path: Path,
) -> None:
    with pytest.raises(SetupError, match="bytes, and SQLite takes at most 480; name a shorter"):
        make_directory(tmp_path.joinpath(*["a" * 200] * 15))
    assert list(tmp_path.iterdir()) == []
