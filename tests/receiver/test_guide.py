"""The guide's program, running for real: the lab's whole battery finds nothing wrong with it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
import sqlalchemy
import uvicorn

from ringback.receiver import Receiver
from tests.docs.pages import blocks
from tests.receiver.kit import SECRET, a_job, signed


def program(number: int) -> str:
    return blocks("docs/receiver.md", "python")[number]


@pytest.mark.timeout(60)
async def test_the_lab_finds_nothing_wrong_with_the_guides_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RINGBACK_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("WEBHOOKS_DB", str(tmp_path / "webhooks.db"))
    scope: dict[str, object] = {}
    exec(program(0), scope)
    app = scope["app"]
    assert callable(app)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.wait([serving], timeout=0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    examined = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringback", "lab", "check", f"http://127.0.0.1:{port}/webhook"),
        *("--secret", SECRET, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    report, _ = await examined.communicate()
    server.should_exit = True
    await serving
    assert examined.returncode == 0, report.decode()
    findings = {one["name"]: one["verdict"] for one in json.loads(report)["findings"]}
    assert len(findings) > 15
    # How fast an answer is depends on the other load of this machine.
    assert {name for name, verdict in findings.items() if verdict != "pass"} <= {"answers-fast"}
    # Each job's end was handled once, however often it was told.
    done = [line for line in capsys.readouterr().out.splitlines() if line.startswith("done:")]
    assert done
    assert len(done) == len(set(done))


def test_an_effect_and_its_receipt_are_committed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(program(1), scope)
    receiver, engine = scope["receiver"], scope["engine"]
    assert isinstance(receiver, Receiver)
    assert isinstance(engine, sqlalchemy.Engine)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table orders (job_id text, state text)"))
        connection.execute(sqlalchemy.text("insert into orders values ('job-1', 'paid')"))
    receiver.handle_before_answering()
    now_s = receiver._clock.now_s()
    body = a_job()
    for _ in range(2):
        assert receiver.handle(signed(body, at_s=now_s), body).status == 204
    assert receiver.run_due() == 1
    with engine.connect() as connection:
        states = connection.execute(sqlalchemy.text("select state from orders")).scalars().all()
    engine.dispose()
    assert states == ["fulfilled"]
