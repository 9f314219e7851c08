"""``ringback admin`` beside a running server, as an operator has it."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program

NULL = "/generate/image/ringback/null"


def submit(url: str) -> str:
    headers = {"authorization": "Bearer dev", "content-type": "application/json"}
    request = urllib.request.Request(url + NULL, b'{"prompt": "a"}', headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        job_id: str = json.load(answer)["job_id"]
        return job_id


def job(url: str, job_id: str, *, wait_s: int = 0) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/jobs/{job_id}?wait={wait_s}", headers={"authorization": "Bearer dev"}
    )
    with urllib.request.urlopen(request) as answer:
        document: dict[str, Any] = json.load(answer)
        return document


@pytest.mark.timeout(90)  # of processes that start, one after the other
def test_a_drained_role_claims_nothing_until_it_is_undrained(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--data", "data", "--json")
    url = server.ready()["url"]
    drained = ringback.run("admin", "drain", "worker", "--wait", "20", "--data", "data", "--json")
    assert json.loads(drained.stdout) == {"role": "worker", "held": 0}
    # The server notices within a second: wait for a job that it leaves alone.
    waiting = [submit(url) for _ in range(3)]
    while job(url, waiting[-1], wait_s=1)["status"] == "completed":
        waiting.append(submit(url))
    stats = json.loads(ringback.run("admin", "stats", "--data", "data", "--json").stdout)
    assert stats["drained"] == ["worker"]
    assert stats["jobs"]["queued"] == sum(one["count"] for one in stats["queued"]) > 0
    assert "no worker claims" in ringback.run("admin", "stats", "--data", "data").stdout
    assert ringback.run("admin", "undrain", "worker", "--data", "data").returncode == 0
    assert job(url, waiting[-1], wait_s=20)["status"] == "completed"
    assert server.end(signal.SIGTERM) == 0


def test_requeue_wants_to_know_whose(ringback: Program, tmp_path: Path) -> None:
    for arguments in ([], ["--expired", "--worker", "w"]):
        refused = ringback.run("admin", "requeue", *arguments)
        assert refused.returncode == 2
        assert "--worker" in refused.stderr


@pytest.mark.timeout(90)
def test_requeue_and_vacuum_work_beside_a_server(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--data", "data", "--json")
    url = server.ready()["url"]
    job(url, submit(url), wait_s=20)
    for command, printed in (
        (("requeue", "--expired"), "0 jobs and webhooks are free again."),
        (("requeue", "--worker", "nobody"), "0 jobs are queued again."),
        (("vacuum",), "0 rows were past it."),
    ):
        done = ringback.run("admin", *command, "--data", "data")
        assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr
    assert server.end(signal.SIGTERM) == 0


def test_where_no_data_are_it_says_so_and_makes_none(ringback: Program, tmp_path: Path) -> None:
    refused = ringback.run("admin", "stats", "--data", "nowhere")
    assert refused.returncode == 1
    assert "There is no Ringback database in nowhere" in refused.stderr
    assert not (tmp_path / "nowhere").exists()
