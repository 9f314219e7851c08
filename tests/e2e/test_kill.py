"""kill -9 and SIGSTOP at random moments under load: nothing that was acknowledged is lost.

``make kill CYCLES=1000`` runs it for longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from ringback.webhooks.delivery.dispatcher import DispatchSettings
from tests.e2e.harness import PLAIN, AuditStore, ServerProcess

CYCLES = int(os.environ.get("CYCLES", "15"))
PAUSES = int(os.environ.get("CYCLES", "6"))
# Leases short enough that a pause of three of them, twenty times, is no long wait.
JOB_LEASE_S = 1.0
ATTEMPT_S = 0.25
PAUSE_S = 3 * DispatchSettings(timeout_s=ATTEMPT_S).lease_s
PLANTED = (str(Path(__file__).with_name("planted.py")),)
NULL = "/generate/image/ringback/null"
SKETCH = "/generate/image/bfl/flux-1-dev"
CLIENTS = 12


class WorkspaceCounters:
    """Clients that submit jobs to a server that comes and goes, and believe its 2xx alone."""

    def __init__(
        self, server: ServerProcess, books: AuditStore, receiver_url: str, seed: int
    ) -> None:
        self._server = server
        self._books = books
        self._receiver_url = receiver_url
        self._rng = random.Random(seed)
        self._is_over = False

    def is_over(self) -> None:
        """Let clients leave when the server does not answer."""
        self._is_over = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Submit for the time of the context."""
        async with httpx2.AsyncClient(base_url=self._server.url, timeout=5) as http:
            clients = [asyncio.create_task(self._client(http)) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                for client in clients:
                    client.cancel()
                await asyncio.gather(*clients, return_exceptions=True)

    async def _client(self, http: httpx2.AsyncClient) -> None:
        while True:
            path = SKETCH if self._rng.random() < 0.01 else NULL
            try:
                answer = await http.post(
                    path,
                    json={"prompt": "a harbour in fog"},
                    headers={"authorization": "Bearer dev", "x-webhook-url": self._receiver_url},
                )
            except httpx2.TransportError:
                if self._is_over:
                    return  # the server is gone; the next cycle brings it back
                continue  # it was paused for longer than a client waits
            assert answer.status_code == 200, answer.text
            self._books.acknowledged.append(answer.json()["job_id"])


async def run_cycles(data: Path, *, cycles: int, seed: int, program: tuple[str, ...]) -> AuditStore:
    """Kill a server that often under load; return the books once it had time to catch up."""
    rng = random.Random(seed)
    books = AuditStore()
    server = ServerProcess(
        data,
        program=program,
        environment={"RINGBACK_ACTIVE_MAX": "100000", "RINGBACK_SKETCH_PROCESSES": "1"},
    )
    async with books.receiver() as receiver, server:
        for cycle in range(cycles):
            await server.start()
            load = WorkspaceCounters(server, books, receiver.url, seed + cycle)
            before = receiver.requests_count
            async with load.running():
                # Wait for the load to be under way, then for a moment that nobody chose.
                await receiver.wait_for(before + rng.randint(1, 150), timeout_s=20)
                load.is_over()
                await server.kill()
            receiver.requests.clear()
        await server.start()
        try:
            await check_results(books, server, rng)
            await books.until_brought(set(books.acknowledged) - set(books.lost), timeout_s=60)
        finally:
            assert await server.stop() == 0, server.errors
        if program == PLAIN:
            await server.audit()
    return books


async def run_pauses(data: Path, *, pauses: int, seed: int) -> AuditStore:
    """Pause a server that often under load, each time past all of its leases."""
    rng = random.Random(seed)
    books = AuditStore()
    server = ServerProcess(
        data,
        environment={
            "RINGBACK_ACTIVE_MAX": "100000",
            "RINGBACK_LEASE_S": str(JOB_LEASE_S),
            "RINGBACK_WEBHOOK_TIMEOUT_S": str(ATTEMPT_S),
            # So short an attempt fails on a busy machine, and its receiver is well all the same.
            "RINGBACK_BREAKER_FAILURES_MAX": "1000000",
            # Nor shall what two pauses met wait for the five minutes that come after a second time.
            "RINGBACK_WEBHOOK_SCHEDULE_S": "0,1,1,2,4,8,16,32",
        },
    )
    async with books.receiver() as receiver, server:
        await server.start()
        for pause in range(pauses):
            load = WorkspaceCounters(server, books, receiver.url, seed + pause)
            before = receiver.requests_count
            async with load.running():
                await receiver.wait_for(before + rng.randint(1, 150), timeout_s=20)
                await server.pause(PAUSE_S)
                # It goes on by itself: with the leases that it lost, and with those that it has.
                await receiver.wait_for(receiver.requests_count + 20, timeout_s=20)
        try:
            await check_results(books, server, rng)
            await books.until_brought(set(books.acknowledged) - set(books.lost), timeout_s=60)
        finally:
            assert await server.stop() == 0, server.errors
        await server.audit()
    return books


async def check_results(books: AuditStore, server: ServerProcess, rng: random.Random) -> None:
    """Ask for every acknowledged job, and for the results of some."""
    async with httpx2.AsyncClient(timeout=20, headers={"authorization": "Bearer dev"}) as http:
        for job_id in books.acknowledged:
            answer = await http.get(f"{server.url}/jobs/{job_id}?wait=20")
            if answer.status_code == 404:
                books.lost.append(job_id)
                continue
            job = answer.json()
            assert job["status"] == "completed", job
            if job["engine"] == "sketch" or rng.random() < 0.02:
                for url in job["result"]["urls"]:
                    picture = await http.get(url)
                    assert picture.content.startswith(b"\x89PNG"), url


@pytest.mark.timeout(60 + 10 * CYCLES)
async def test_no_kill_loses_an_acknowledged_job_or_ends_one_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    books = await run_cycles(tmp_path / "data", cycles=CYCLES, seed=seed, program=PLAIN)
    print(f"{len(books.acknowledged)} acknowledged, {books.duplicates_count} duplicates")
    assert len(books.acknowledged) > CYCLES
    assert books.lost == []
    assert books.missing == set()
    assert books.ended_twice == []
    assert books.changed == []


@pytest.mark.timeout(60 + 15 * PAUSES)
async def test_no_pause_past_the_leases_loses_a_job_or_ends_one_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    books = await run_pauses(tmp_path / "data", pauses=PAUSES, seed=seed)
    print(f"{len(books.acknowledged)} acknowledged, {books.duplicates_count} duplicates")
    assert len(books.acknowledged) > PAUSES
    assert books.lost == []
    assert books.missing == set()
    assert books.ended_twice == []
    assert books.changed == []


@pytest.mark.timeout(180)
async def test_the_books_show_it_when_acknowledgements_come_before_commits(tmp_path: Path) -> None:
    books = await run_cycles(tmp_path / "data", cycles=5, seed=1, program=PLANTED)
    assert books.lost
