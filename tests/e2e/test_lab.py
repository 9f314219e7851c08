"""The fault lab through a real emulator: each fault asked for, and seen where it shows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ringback.testing import FakeReceiver, ReceivedRequest
from tests.e2e.harness import ServerProcess

NULL = "/generate/image/ringback/null"


class Emulator:
    """A running emulator, a client of it and a receiver."""

    def __init__(self, server: ServerProcess, http: httpx2.AsyncClient, receiver: FakeReceiver):
        self.server = server
        self.http = http
        self.receiver = receiver
        self._webhook = Webhook(server.ready["secret"])

    async def submit(self, faults: str | None = None) -> dict[str, Any]:
        headers = {"x-webhook-url": self.receiver.url}
        if faults is not None:
            headers["x-ringback-lab"] = faults
        answer = await self.http.post(NULL, json={"prompt": "a fox"}, headers=headers)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def job(self, job_id: str, *, wait_s: int = 10) -> dict[str, Any]:
        document: dict[str, Any] = (await self.http.get(f"/jobs/{job_id}?wait={wait_s}")).json()
        return document

    async def delivery_of(self, job_id: str) -> dict[str, Any]:
        (delivery,) = (await self.http.get(f"/deliveries?job_id={job_id}")).json()["items"]
        whole: dict[str, Any] = (
            await self.http.get(f"/deliveries/{delivery['delivery_id']}")
        ).json()
        return whole

    async def advance(self, duration: str) -> dict[str, Any]:
        answer = await self.http.post("/lab/clock", json={"advance": duration})
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def is_genuine(self, request: ReceivedRequest) -> bool:
        try:
            self._webhook.verify(request.body, dict(request.headers))
        except WebhookVerificationError:
            return False
        return True


@asynccontextmanager
async def an_emulator(
    directory: Path, *answers: int, then: int = 200, lab: str | None = None
) -> AsyncIterator[Emulator]:
    environment = {} if lab is None else {"RINGBACK_LAB": lab}
    server = ServerProcess(directory / "data", environment=environment)
    await server.start()
    async with (
        FakeReceiver(answers, then=then) as receiver,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        http.headers["authorization"] = "Bearer dev"
        yield Emulator(server, http, receiver)
        await server.stop()


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    async with an_emulator(tmp_path) as made:
        yield made


async def test_a_webhook_comes_twice(emulator: Emulator) -> None:
    await emulator.submit("deliver=twice")
    first, second = await emulator.receiver.wait_for(2)
    assert (first.body, first.header("webhook-id")) == (second.body, second.header("webhook-id"))


async def test_a_webhook_that_was_taken_comes_again(emulator: Emulator) -> None:
    job = await emulator.submit("again=1s")
    await emulator.receiver.wait_for(2, timeout_s=10)
    first, second = emulator.receiver.requests
    assert first.header("webhook-id") == second.header("webhook-id")
    assert 900 <= second.at_ms - first.at_ms <= 4_000  # and not at the schedule's five seconds
    delivery = await emulator.delivery_of(job["job_id"])
    assert delivery["attempts"][0]["reason"] == "lab"


@pytest.mark.parametrize(
    "faults", ["signature=bad", "signature=missing", "timestamp=old", "body=truncated"]
)
async def test_a_spoiled_webhook_is_not_genuine_and_the_next_one_is(
    tmp_path: Path, faults: str
) -> None:
    async with an_emulator(tmp_path, 400) as emulator:
        await emulator.submit(faults)
        (spoiled,) = await emulator.receiver.wait_for(1)
        assert not emulator.is_genuine(spoiled)
        await emulator.advance("10s")
        _, right = await emulator.receiver.wait_for(2)
        assert emulator.is_genuine(right)


async def test_held_attempts_are_not_made_and_count(emulator: Emulator) -> None:
    job = await emulator.submit("hold=2")
    await emulator.job(job["job_id"])
    await emulator.advance("10m")
    assert emulator.receiver.requests_count == 1
    delivery = await emulator.delivery_of(job["job_id"])
    assert [one["reason"] for one in delivery["attempts"]] == ["lab", "lab", None]


async def test_a_delayed_webhook_waits_for_its_time(emulator: Emulator) -> None:
    job = await emulator.submit("delay=1h")
    await emulator.job(job["job_id"])
    await emulator.advance("59m")
    assert emulator.receiver.requests_count == 0
    await emulator.advance("2m")
    assert emulator.receiver.requests_count == 1


async def test_webhooks_come_in_disorder(emulator: Emulator) -> None:
    jobs = [(await emulator.submit("reorder=3; delay=1s"))["job_id"] for _ in range(3)]
    for job_id in jobs:
        await emulator.job(job_id)
    await emulator.receiver.wait_for(3, timeout_s=15)
    came = [json.loads(request.body)["job_id"] for request in emulator.receiver.requests]
    assert sorted(came) == sorted(jobs)
    assert came != jobs


@pytest.mark.parametrize(
    ("faults", "status", "result"),
    [
        ("job=fail", "failed", {"error": "The lab made this job fail."}),
        ("job=cancel", "cancelled", {"error": "The job was cancelled."}),
        ("job=empty", "completed", {"urls": []}),
    ],
)
async def test_a_job_ends_as_it_was_asked_to(
    emulator: Emulator, faults: str, status: str, result: dict[str, Any]
) -> None:
    job = await emulator.job((await emulator.submit(faults))["job_id"])
    assert (job["status"], job["result"]) == (status, result)
    (webhook,) = await emulator.receiver.wait_for(1)
    assert json.loads(webhook.body)["status"] == status


@pytest.mark.parametrize("status", ["scheduled", "processing", "sampling", "intermediate-complete"])
async def test_a_job_is_stuck_until_it_is_cancelled(emulator: Emulator, status: str) -> None:
    job_id = (await emulator.submit(f"stuck={status}"))["job_id"]
    job = await emulator.job(job_id, wait_s=1)
    assert job["status"] == status
    await emulator.http.delete(f"/jobs/{job_id}")
    assert (await emulator.job(job_id))["status"] == "cancelled"


async def test_a_slow_engine_takes_its_time_and_the_clock_helps(emulator: Emulator) -> None:
    job_id = (await emulator.submit("slow=1h"))["job_id"]
    assert (await emulator.job(job_id, wait_s=1))["status"] != "completed"
    await emulator.advance("1h")
    assert (await emulator.job(job_id))["status"] == "completed"


@pytest.mark.parametrize("status", [402, 410, 429])
async def test_a_submission_is_refused_as_asked(emulator: Emulator, status: int) -> None:
    headers = {"x-ringback-lab": f"answer={status}"}
    answer = await emulator.http.post(NULL, json={"prompt": "a fox"}, headers=headers)
    assert answer.status_code == status
    assert (await emulator.http.get("/jobs")).json()["items"] == []


async def test_a_wrong_header_is_refused_by_name(emulator: Emulator) -> None:
    headers = {"x-ringback-lab": "deliver=thrice"}
    answer = await emulator.http.post(NULL, json={"prompt": "a fox"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "header:X-Ringback-Lab"


async def test_a_script_gives_every_second_job_its_faults(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('seed = 1\n[[rule]]\nevery = 2\nfaults = "job=fail"\n')
    async with an_emulator(tmp_path, lab=str(script)) as emulator:
        ended = [await emulator.job((await emulator.submit())["job_id"]) for _ in range(4)]
    assert [job["status"] for job in ended] == ["completed", "failed", "completed", "failed"]


@pytest.mark.timeout(60)
async def test_three_days_of_attempts_pass_in_a_moment_and_time_stays_where_it_is(
    tmp_path: Path,
) -> None:
    async with an_emulator(tmp_path, then=500) as emulator:
        job_id = (await emulator.submit())["job_id"]
        await emulator.receiver.wait_for(1)
        moved = await emulator.advance("95h")
        assert emulator.receiver.requests_count == 10
        assert moved["attempts"] >= 8  # the first went, and perhaps the second, before
        delivery = await emulator.delivery_of(job_id)
        assert (delivery["status"], delivery["attempts_count"]) == ("exhausted", 10)
        starts = [one["started_at"] for one in delivery["attempts"]]
        assert starts == sorted(starts)
        # Webhooks are signed as of the machine's time, also when the emulator's differs.
        assert all(emulator.is_genuine(one) for one in emulator.receiver.requests)
        before = (await emulator.http.get("/lab/clock")).json()["now"]
        await emulator.server.stop()
        await emulator.server.start()
        assert (await emulator.http.get("/lab/clock")).json()["now"] >= before
        await emulator.server.audit()
