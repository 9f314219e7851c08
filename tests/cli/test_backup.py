"""``ringback backup`` copies the directory of a running server; another starts on the copy."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import stat
from pathlib import Path

import httpx2

from tests.cli.program import Program


def submit(url: str) -> dict[str, object]:
    answer = httpx2.post(
        f"{url}/generate/image/bfl/flux-1-dev",
        json={"prompt": "a fox", "width": 512, "height": 512},
        headers={"authorization": "Bearer dev", "prefer": "wait=60"},
        timeout=90,
    )
    job: dict[str, object] = answer.raise_for_status().json()
    assert job["status"] == "completed"
    return job


def job_of(url: str, job_id: object) -> dict[str, object]:
    answer = httpx2.get(f"{url}/jobs/{job_id}", headers={"authorization": "Bearer dev"})
    found: dict[str, object] = answer.raise_for_status().json()
    return found


def test_a_backup_beside_a_running_server_restores_it(ringback: Program, tmp_path: Path) -> None:
    server = ringback.start("dev", "--port", "0", "--json", "--data", "data")
    ready = server.ready()
    first = submit(ready["url"])
    done = ringback.run("backup", "copy", "--data", "data")
    assert done.returncode == 0, done.stderr
    assert "1 artifacts, 1 of them new" in done.stdout
    assert "has the master key in it" in done.stderr
    second = submit(ready["url"])
    again = ringback.run("backup", "copy", "--data", "data", "--json")
    report = json.loads(again.stdout)
    assert (report["artifacts_count"], report["artifacts_copied"]) == (2, 1)
    third = submit(ready["url"])
    assert server.end(signal.SIGTERM) == 0

    copy = tmp_path / "copy"
    assert sorted(path.name for path in copy.iterdir()) == [
        "artifacts",
        "master.key",
        "ringback.db",
    ]
    for path in (copy, *copy.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    shutil.rmtree(tmp_path / "data")  # the disaster
    restored = ringback.start("dev", "--port", "0", "--json", "--data", "copy")
    after = restored.ready()
    assert after["secret"] == ready["secret"]
    for job in (first, second):
        result = job_of(after["url"], job["job_id"])
        assert result["status"] == "completed"
    missing = httpx2.get(
        f"{after['url']}/jobs/{third['job_id']}", headers={"authorization": "Bearer dev"}
    )
    assert missing.status_code == 404
    assert restored.end(signal.SIGTERM) == 0
    ledger = ringback.run("ledger", "--data", "copy")
    assert ledger.returncode == 0, ledger.stdout


def test_a_backup_that_cannot_be_made_is_one_sentence(ringback: Program, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/aunt.png").touch()
    database = sqlite3.connect(tmp_path / "data/ringback.db")
    database.execute("create table jobs (job_id)")
    database.commit()
    database.close()
    for arguments, environment, says in (
        (["copy", "--data", "nowhere"], {}, "no database in nowhere"),
        (["data/copy", "--data", "data"], {}, "cannot be in the data directory"),
        (["data", "--data", "data"], {}, "cannot be in the data directory"),
        (["copy"], {"RINGBACK_DATABASE": "postgresql://u@127.0.0.1/x"}, "pg_dump"),
        (["file/copy", "--data", "data"], {}, "cannot be written to file/copy"),
        (["photos", "--data", "data"], {}, "photos has other files, like aunt.png"),
    ):
        done = ringback.run("backup", *arguments, **environment)
        assert done.returncode == 1, arguments
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    done = ringback.run("backup", "copy", "--data", "data", "--without-key")
    assert done.returncode == 0, done.stderr
    assert "no master key yet" in done.stderr
