"""A server in front of another, over a bad road: nothing is lost, and nothing bought twice.

``make gateway JOBS=1000`` runs it for longer.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.clock import SystemClock
from ringback.storage.sqlite.database_files import DATABASE, connect
from ringback.testing import FakeReceiver
from tests.e2e.harness import AuditStore, ServerProcess
from tests.engines.upstream.road import LossyProxy

JOBS = int(os.environ.get("JOBS", "60"))
NULL = "/generate/image/ringback/null"
SKETCH = "/generate/image/bfl/flux-1-dev"
TOKEN = {"authorization": "Bearer dev"}

SCRIPT = """
seed = 11
[[rule]]
probability = 0.02
faults = "answer=402"
[[rule]]
probability = 0.02
faults = "answer=410"
[[rule]]
probability = 0.03
faults = "answer=429"
[[rule]]
probability = 0.04
faults = "job=fail"
[[rule]]
probability = 0.03
faults = "job=cancel"
[[rule]]
probability = 0.03
faults = "job=empty"
[[rule]]
probability = 0.1
faults = "deliver=twice; slow=200ms"
[[rule]]
probability = 0.1
faults = "deliver=at-once; again=2s"
[[rule]]
probability = 0.1
faults = "signature=bad; slow=1s"
[[rule]]
probability = 0.1
faults = "body=truncated; delay=1s"
[[rule]]
probability = 0.1
faults = "timestamp=old; hold=2"
[[rule]]
probability = 0.1
faults = "signature=missing; reorder=3"
[[rule]]
faults = "slow=500ms"
"""

# What a job of this test may fail with; anything else would be ours.
FAILURES = {
    "wants to be paid first": "402",
    "does not have this model": "410",
    "failed at the provider": "fail",
    "cancelled at the provider": "cancel",
}


class Gateway:
    """Our server, the provider that it stands in front of, and the road between them."""

    def __init__(self, ours: ServerProcess, provider: ServerProcess, road: LossyProxy) -> None:
        self.ours = ours
        self.provider = provider
        self.road = road

    async def provider_jobs(self) -> list[dict[str, Any]]:
        """Return every job that the provider was sold, with its input's prompt."""
        found: list[dict[str, Any]] = []
        async with httpx2.AsyncClient(
            base_url=self.provider.url, headers=TOKEN, timeout=50
        ) as http:
            cursor = ""
            while True:
                page = (await http.get(f"/jobs?limit=1000{cursor}")).json()
                found += page["items"]
                if page["next_cursor"] is None:
                    return found
                cursor = f"&cursor={page['next_cursor']}"


@asynccontextmanager
async def a_gateway(
    tmp_path: Path, *, lab: str | None = None, share: float = 0.0, extra: str = ""
) -> AsyncIterator[Gateway]:
    many = {"RINGBACK_ACTIVE_MAX": "64", "RINGBACK_BACKLOG_MAX": "5000"}
    if lab is not None:
        script = tmp_path / "faults.toml"
        script.write_text(lab)
        many["RINGBACK_LAB"] = str(script)
    config = tmp_path / "ringback.toml"
    provider = ServerProcess(tmp_path / "provider", environment=many)
    async with provider, LossyProxy(provider.port, seed=5, share=share) as road:
        await provider.start()
        # Its port is chosen last: one that is free may be taken by the two before it listens.
        ours = ServerProcess(
            tmp_path / "ours",
            environment={
                **many,
                "RINGBACK_LAB": "",
                "RINGBACK_CONFIG": str(config),
                "STUDIO_KEY": "dev",
            },
        )
        config.write_text(
            f"""
public_url = "{ours.url}"
[engines]
"ringback/null" = "studio"
"bfl/flux-1-dev" = "studio"
[engines.studio]
type = "krea"
base_url = "{road.url}"
api_key_env = "STUDIO_KEY"
webhook_secret = "{provider.ready["secret"]}"
idempotency = true
concurrency = 64
request_timeout_s = 1.5
retries = 10
poll_s_max = 3
{extra}
"""
        )
        async with ours:
            await ours.start()
            yield Gateway(ours, provider, road)


async def submitted(
    http: httpx2.AsyncClient, path: str, prompt: str, receiver: FakeReceiver, **more: Any
) -> str:
    body = {"prompt": prompt, **more}
    answer = await http.post(path, json=body, headers={"x-webhook-url": receiver.url})
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


def kind_of(job: dict[str, Any]) -> str:
    """Return how a job ended, as the test counts it."""
    if job["status"] != "failed":
        return str(job["status"])
    error = job["result"]["error"]
    return next((kind for words, kind in FAILURES.items() if words in error), error)


@pytest.mark.timeout(0)
async def test_nothing_is_lost_and_nothing_bought_twice_with_every_fault_and_kills(
    tmp_path: Path,
) -> None:
    books = AuditStore()
    kills = max(3, JOBS // 100)
    async with (
        a_gateway(tmp_path, lab=SCRIPT, share=0.25) as gateway,
        books.receiver() as receiver,
        asyncio.timeout(120 + JOBS),
    ):
        async with httpx2.AsyncClient(base_url=gateway.ours.url, headers=TOKEN, timeout=50) as http:
            for number in range(JOBS):
                books.acknowledged.append(await submitted(http, NULL, f"fox {number}", receiver))
        for kill in range(kills):
            done = JOBS * (kill + 1) // (kills + 2)
            await until(partial(has_come, books, done))
            await gateway.ours.kill()
            if kill == 1:
                await gateway.provider.kill()
                await gateway.provider.start()
            await gateway.ours.start()
        await until(lambda: not books.missing)

        async with httpx2.AsyncClient(base_url=gateway.ours.url, headers=TOKEN, timeout=50) as http:
            jobs = [(await http.get(f"/jobs/{job_id}")).json() for job_id in books.acknowledged]
        ends = Counter(map(kind_of, jobs))
        bought = await gateway.provider_jobs()
        print(f"\n{JOBS} jobs, {kills} kills, ends {dict(ends)}, road {dict(gateway.road.met)}")
        print(f"bought {len(bought)}")

        assert not books.ended_twice
        assert not books.changed
        assert set(ends) <= {"completed", *FAILURES.values()}, ends
        assert ends["completed"] > JOBS // 2
        refused = ends["402"] + ends["410"]
        assert JOBS - refused <= len(bought) <= JOBS
        for stopped in (gateway.ours, gateway.provider):
            await stopped.stop()
            await stopped.audit()
    keys = bought_by_key(tmp_path / "provider")
    assert len(keys) == len(bought)
    assert set(keys) <= set(books.acknowledged)
    completed = {job["job_id"] for job in jobs if job["status"] == "completed"}
    assert completed <= set(keys)


def bought_by_key(data: Path) -> dict[str, str]:
    """Return the provider's jobs by the idempotency keys that they were bought with."""
    connection = connect(data / DATABASE, read_only=True)
    try:
        return dict(connection.execute("select key, job_id from idempotency"))
    finally:
        connection.close()


def has_come(books: AuditStore, count: int) -> bool:
    return len(books.deliveries) >= count


async def until(holds: Callable[[], object]) -> None:
    """Return when the condition holds; the deadline is the calling test's."""
    while not holds():
        await SystemClock().sleep(0.05)


async def test_results_come_home_byte_for_byte_and_our_own_inputs_reach_the_provider(
    tmp_path: Path,
) -> None:
    async with a_gateway(tmp_path) as gateway, FakeReceiver() as receiver:
        async with httpx2.AsyncClient(base_url=gateway.ours.url, headers=TOKEN, timeout=50) as http:
            first = await submitted(http, SKETCH, "a fox", receiver, width=512, height=512)
            (url,) = await urls_of(http, first)
            picture = (await http.get(url)).content
            asset = (await http.post("/assets", files={"file": picture})).json()["image_url"]
            assert asset.startswith(gateway.ours.url)
            second = await submitted(
                http, SKETCH, "a fox", receiver, width=512, height=512, image_url=asset
            )
            pictures = [picture, (await http.get((await urls_of(http, second))[0])).content]
        async with httpx2.AsyncClient(
            base_url=gateway.provider.url, headers=TOKEN, timeout=50
        ) as http:
            made = (await http.get("/jobs")).json()["items"]
            theirs = [(await http.get(job["result"]["urls"][0])).content for job in made]
            uploaded = (await http.get("/assets")).json()["items"]
        assert theirs == pictures[::-1]
        assert theirs[0] != theirs[1]
        assert len(uploaded) == 1


async def test_a_job_cancelled_here_is_cancelled_at_the_provider(tmp_path: Path) -> None:
    async with (
        a_gateway(tmp_path, lab="[[rule]]\nfaults = 'slow=1m'\n") as gateway,
        httpx2.AsyncClient(base_url=gateway.ours.url, headers=TOKEN, timeout=50) as http,
        FakeReceiver() as receiver,
        asyncio.timeout(50),
    ):
        job_id = await submitted(http, NULL, "a fox", receiver)
        while not (bought := await gateway.provider_jobs()):
            await SystemClock().sleep(0.05)
        assert (await http.delete(f"/jobs/{job_id}")).status_code == 200
        while bought[0]["status"] != "cancelled":
            await SystemClock().sleep(0.05)
            bought = await gateway.provider_jobs()


async def test_a_webhook_of_the_provider_is_quicker_than_polling(tmp_path: Path) -> None:
    async with (
        a_gateway(tmp_path, extra="poll_s = 600") as gateway,
        httpx2.AsyncClient(base_url=gateway.ours.url, headers=TOKEN, timeout=50) as http,
        FakeReceiver() as receiver,
    ):
        job_id = await submitted(http, NULL, "a fox", receiver)
        assert len(await urls_of(http, job_id)) == 1


async def urls_of(http: httpx2.AsyncClient, job_id: str) -> list[str]:
    job = (await http.get(f"/jobs/{job_id}?wait=20", timeout=30)).json()
    assert job["status"] == "completed", job
    urls: list[str] = job["result"]["urls"]
    return urls
