"""Moving a data directory into PostgreSQL and a bucket: whole, or begun and gone on with."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from ringback.errors import SetupError
from ringback.server.migrate_data import move
from ringback.server.migrate_tables import TABLES
from ringback.server.services import key_service
from ringback.settings import Settings
from ringback.storage.postgres import PostgresStore
from ringback.testing.emulator import Emulator
from tests import media_files as files
from tests.files.artifacts.artifact_stores import KEYS, REGION, S3Server, s3_server
from tests.postgres import Databases

JOBS = 12
APP = {
    "name": "Foxes",
    "steps": {"fox": {"model": "image/ringback/null", "input": {"prompt": "a fox"}}},
    "outputs": {"fox": {"from": "fox.urls"}},
}
NOWHERE = "http://127.0.0.1:9/hook"


@contextmanager
def an_emulator(data: Path) -> Iterator[Emulator]:
    """An emulator with some jobs, of which the webhooks could not be delivered yet."""
    with Emulator(data, webhook_schedule_s=(0.0, 3_600.0)) as emulator:
        headers = {"authorization": "Bearer dev", "x-webhook-url": NOWHERE, "prefer": "wait=20"}
        with httpx2.Client(base_url=emulator.url, headers=headers, timeout=30) as http:
            http.post(
                "/webhooks/endpoints", json={"url": NOWHERE, "headers": {"x-shop": "7"}}
            ).raise_for_status()
            http.post("/node-apps", json=APP).raise_for_status()
            for number in range(JOBS):
                http.post(
                    "/generate/image/ringback/null",
                    json={"prompt": f"a fox № {number}"},
                    headers={"idempotency-key": f"key-{number}"},
                ).raise_for_status()
        yield emulator


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    with databases.fresh(template="template0") as dsn:
        yield dsn


def settings_of(data: Path, dsn: str, **more: str) -> Settings:
    return Settings(data=data, database=dsn, **more)  # type: ignore[arg-type]


def ignore(_text: str) -> None:
    pass


async def test_everything_is_moved_and_the_audit_finds_no_fault(
    tmp_path: Path, database: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with an_emulator(tmp_path) as emulator:
        secret = emulator.secret
    bucket = s3.bucket("moved")
    settings = settings_of(
        tmp_path,
        database,
        artifacts_url=bucket.display_name,
        artifacts_endpoint=s3.endpoint,
        artifacts_region=REGION,
    )
    lines: list[str] = []
    moved = await move(settings, dry=False, report=lines.append)
    assert moved.rows["jobs"] == JOBS
    assert moved.rows["deliveries"] == 2 * JOBS
    assert moved.rows["attempts"] > 0
    assert moved.rows["idempotency"] == JOBS
    assert moved.rows["node_apps"] == 1
    assert moved.artifacts_count == len(s3.keys("moved")) == 1
    assert any("on both sides" in text for text in lines)
    store = await PostgresStore.open(database)
    try:
        assert (await store.ledger()).balances
        keys = await key_service(settings, store)
        assert await keys.secrets_of("workspace:dev") == [secret]
        assert (await store.counts()).jobs == {"completed": JOBS}
    finally:
        await store.close()
    with pytest.raises(SetupError, match="holds data already"):
        await move(settings, dry=False, report=ignore)


async def test_styles_are_moved_and_may_be_drawn_in_as_before(
    tmp_path: Path, database: str
) -> None:
    picture = "data:image/png;base64," + b64encode(files.png()).decode()
    with an_emulator(tmp_path) as emulator:
        headers = {"authorization": "Bearer dev", "prefer": "wait=20"}
        with httpx2.Client(base_url=emulator.url, headers=headers, timeout=30) as http:
            body = {"name": "Ink", "urls": [picture]}
            trained = http.post("/styles/train", json=body).json()
            style_id = trained["result"]["style_id"]
            http.put(f"/styles/{style_id}/like").raise_for_status()
            link = http.get(f"/styles/{style_id}/share/link").json()["share_link"]
            http.patch(f"/styles/{style_id}", json={"urls": [link]}).raise_for_status()
    moved = await move(settings_of(tmp_path, database), dry=False, report=ignore)
    assert (moved.rows["styles"], moved.rows["style_likes"]) == (1, 1)
    store = await PostgresStore.open(database)
    try:
        style = await store.find_style(link.rpartition("/")[2])
        assert style is not None
        assert (style.style_id, style.title, style.likes_count) == (style_id, "Ink", 1)
        assert style.urls == (link,)
    finally:
        await store.close()


async def test_nothing_is_moved_while_a_server_runs_on_the_directory(
    tmp_path: Path, database: str
) -> None:
    with an_emulator(tmp_path), pytest.raises(SetupError, match="stop it"):
        await move(settings_of(tmp_path, database), dry=False, report=ignore)


async def test_nothing_is_moved_into_a_database_that_a_server_works_on(
    tmp_path: Path, database: str
) -> None:
    with an_emulator(tmp_path):
        pass
    settings = settings_of(tmp_path, database)
    server = await PostgresStore.open(database)
    try:
        for dry in (True, False):
            with pytest.raises(SetupError, match="works on that database"):
                await move(settings, dry=dry, report=ignore)
        long_open(database)
        assert await server.lead("upkeep", holder="me", now_ms=1, until_ms=2**50)
        with pytest.raises(SetupError, match="works on that database"):
            await move(settings, dry=False, report=ignore)
    finally:
        await server.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update leaders set until_ms = 0")
    assert (await move(settings, dry=False, report=ignore)).rows["jobs"] == JOBS


def long_open(dsn: str) -> None:
    """Make the last opening of the store lie long ago."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        done = connection.execute("update leaders set until_ms = 0 where what = 'opened'")
        assert done.rowcount == 1


async def test_no_server_starts_in_the_midst_of_a_move_nor_after_a_broken_off_one(
    tmp_path: Path, database: str
) -> None:
    with an_emulator(tmp_path):
        pass

    def start_a_server(text: str) -> None:
        refused.append(text)
        with ThreadPoolExecutor(1) as thread, pytest.raises(SetupError, match="being moved into"):
            thread.submit(lambda: asyncio.run(PostgresStore.open(database))).result()
        if len(refused) == 3:
            raise KeyboardInterrupt

    refused: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await move(settings_of(tmp_path, database), dry=False, report=start_a_server)
    with pytest.raises(SetupError, match="let ringback migrate come to its end"):
        await PostgresStore.open(database)
    await move(settings_of(tmp_path, database), dry=False, report=ignore)
    store = await PostgresStore.open(database)
    assert (await store.counts()).jobs == {"completed": JOBS}
    await store.close()


async def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path, database: str) -> None:
    with an_emulator(tmp_path):
        pass
    would = await move(settings_of(tmp_path, database), dry=True, report=ignore)
    assert (would.rows["jobs"], would.artifacts_count, would.is_dry) == (JOBS, 1, True)
    with psycopg.connect(database) as connection:
        found = connection.execute("select to_regclass('jobs')").fetchone()
    assert found == (None,)


@pytest.mark.timeout(120)
async def test_a_move_that_was_killed_goes_on(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"
    with an_emulator(data):
        pass
    command = [sys.executable, "-m", "ringback", "migrate", "--data", str(data), "--json"]
    environment = {**os.environ, "RINGBACK_DATABASE": database}
    killed = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert killed.stderr is not None
    assert killed.stdout is not None
    for text in killed.stderr:
        if text.startswith("jobs:"):
            break
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    killed.stderr.close()
    killed.stdout.close()
    done = subprocess.run(  # noqa: ASYNC221
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["jobs"] == JOBS
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from jobs").fetchone() == (JOBS,)
        assert connection.execute("select to_regclass('moves')").fetchone() == (None,)


async def test_a_row_that_differs_is_found(tmp_path: Path, database: str) -> None:
    with an_emulator(tmp_path):
        pass

    def meddle(text: str) -> None:
        if text.startswith("idempotency:") and "copied" in text:
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("update jobs set progress = 0.5 where seq = 3")

    with pytest.raises(SetupError, match=r"jobs is not the same on both sides \(12 rows here, 12"):
        await move(settings_of(tmp_path, database), dry=False, report=meddle)


def test_every_table_is_moved_except_leaders_and_the_index_of_prompts(tmp_path: Path) -> None:
    from ringback.storage.sqlite.database_files import connect, migrate

    connection = connect(tmp_path / "x.db")
    migrate(connection)
    names = {
        name
        for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")
        if not name.startswith(("sqlite_", "prompts"))
    }
    connection.close()
    assert names - {"leaders"} == {table.name for table in TABLES}
