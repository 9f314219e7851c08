"""The reset of a workspace through a running emulator: jobs run and webhooks are under way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.lab.script import parse_script
from ringback.storage.sqlite import SqliteStore
from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from tests.media_files import png

NULL = "/generate/image/ringback/null"
LISTS = ("/jobs", "/deliveries", "/events", "/webhooks/endpoints", "/assets", "/node-apps")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reset")


@pytest.fixture(scope="module")
def emulator(data: Path) -> Iterator[Emulator]:
    with Emulator(data) as made:
        yield made


def client(emulator: Emulator, token: str = "dev") -> httpx2.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=emulator.url, headers=headers, timeout=60)


def submit(http: httpx2.Client, *, faults: str = "none", **headers: str) -> dict[str, Any]:
    named = {"x-ringback-lab": faults, **{name.replace("_", "-"): v for name, v in headers.items()}}
    answer = http.post(NULL, json={"prompt": "a fox"}, headers=named)
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def wait_until_it_runs(http: httpx2.Client, job: dict[str, Any]) -> None:
    sse = {"accept": "text/event-stream"}
    with http.stream("GET", f"/jobs/{job['job_id']}", headers=sse) as changes:
        assert any('"status":"processing"' in line for line in changes.iter_lines())


def items(http: httpx2.Client, path: str) -> list[Any]:
    document = http.get(path).raise_for_status().json()
    return next(value for value in document.values() if isinstance(value, list))


def files(data: Path) -> list[Path]:
    """Return the artifacts on disk, but those that jobs share."""
    found = (data / "artifacts").rglob("*.*")
    return [path for path in found if not path.name.startswith("shared--")]


def test_a_reset_empties_one_workspace_while_its_jobs_run(emulator: Emulator, data: Path) -> None:
    with (
        client(emulator) as http,
        client(emulator, "rival") as rival,
        WebhookInbox(emulator.secret) as inbox,
    ):
        http.post("/lab/reset").raise_for_status()  # of the tests before
        theirs = submit(rival, prefer="wait=50")
        secret = http.get("/webhooks/keys").json()
        asset = http.post("/assets", files={"file": png(size=(8, 8))}).raise_for_status().json()
        http.post("/webhooks/endpoints", json={"url": inbox.url}).raise_for_status()
        inbox.answer(503)
        done = submit(
            http,
            faults=f"result={asset['image_url']}",
            prefer="wait=50",
            x_webhook_url=inbox.url,
            idempotency_key="one",
        )
        assert http.get(done["result"]["urls"][0]).status_code == 200
        inbox.wait()
        running = [submit(http, faults="stuck=processing") for _ in range(3)]
        for one in running:
            wait_until_it_runs(http, one)
        before = http.get("/events?after=latest").json()["next_cursor"]
        emptied = http.post("/lab/reset").raise_for_status().json()
        assert (emptied["jobs"], emptied["assets"], emptied["endpoints"]) == (4, 1, 1)
        assert {path: items(http, path) for path in LISTS} == {path: [] for path in LISTS}
        assert files(data) == []
        assert http.get(f"/jobs/{running[0]['job_id']}").status_code == 404
        assert http.get("/webhooks/keys").json() == secret
        assert items(rival, "/jobs")[0]["job_id"] == theirs["job_id"]
        # The workspace goes on: the same key makes a new job, and the old cursor finds its event.
        again = submit(http, prefer="wait=50", idempotency_key="one")
        assert again["status"] == "completed"
        assert again["job_id"] != done["job_id"]
        (event,) = http.get("/events", params={"after": before, "wait": 20}).json()["items"]
        assert event["job_id"] == again["job_id"]
        assert http.post("/lab/reset").json()["jobs"] == 1


def test_a_reader_of_the_feed_and_one_of_a_job_are_not_broken(emulator: Emulator) -> None:
    sse = {"accept": "text/event-stream"}
    with client(emulator) as http, client(emulator) as reader:
        stuck = submit(http, faults="stuck=processing")
        with (
            client(emulator) as other,
            reader.stream("GET", "/events?after=latest", headers=sse) as feed,
            other.stream("GET", f"/jobs/{stuck['job_id']}", headers=sse) as of_job,
        ):
            lines, of_one = feed.iter_lines(), of_job.iter_lines()
            assert any(line.startswith("event: job") for line in of_one)
            http.post("/lab/reset").raise_for_status()
            assert not any('"status":"completed"' in line for line in of_one)  # and it ends
            after = submit(http, prefer="wait=50")
            data = next(line for line in lines if line.startswith("data:"))
            assert json.loads(data[5:])["job_id"] == after["job_id"]


def test_the_script_counts_each_workspaces_jobs_and_begins_again(emulator: Emulator) -> None:
    emulator.use_script(parse_script('[[rule]]\njob = 1\nfaults = "job=fail"'))

    def ends(http: httpx2.Client) -> str:
        answer = http.post(NULL, json={"prompt": "a fox"}, headers={"prefer": "wait=50"})
        return str(answer.json()["status"])

    with client(emulator) as http, client(emulator, "rival") as rival:
        assert [ends(http), ends(http), ends(rival)] == ["failed", "completed", "failed"]
        http.post("/lab/reset").raise_for_status()
        assert [ends(http), ends(rival)] == ["failed", "completed"]
    emulator.use_script(parse_script('[[rule]]\nfaults = "none"'))


def test_a_reset_needs_a_token(emulator: Emulator) -> None:
    assert httpx2.post(f"{emulator.url}/lab/reset").status_code == 401


def test_the_books_balance_after_resets_in_the_middle_of_work(
    tmp_path: Path,
) -> None:
    with (
        Emulator(tmp_path / "busy") as emulator,
        client(emulator) as http,
        WebhookInbox(emulator.secret) as inbox,
    ):
        for _ in range(5):
            for _ in range(8):
                submit(http, faults="slow=1ms", x_webhook_url=inbox.url)
            http.post("/lab/reset").raise_for_status()
        last = submit(http, prefer="wait=50", x_webhook_url=inbox.url)
        inbox.wait(job_id=last["job_id"])
        assert [one["job_id"] for one in items(http, "/jobs")] == [last["job_id"]]
    audit(tmp_path / "busy")


def audit(data: Path) -> None:
    """Fail unless the books balance that a stopped emulator has left."""

    async def balance() -> None:
        store = await SqliteStore.open(data)
        try:
            ledger = await store.ledger()
            assert ledger.balances, ledger.faults
        finally:
            await store.close()

    asyncio.run(balance())
