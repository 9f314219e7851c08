"""kill -9 of every kind of process, and of PostgreSQL, under load, on machines whose clocks are
wrong by an hour: nothing that was acknowledged is lost, and no transaction breaks a promise.

The database notes every change that is committed; the simulation's ledger reads them at the end.

``make kill-scale CYCLES=200`` runs it for longer. Each cycle kills one of each kind.
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

from ringback.clock import SystemClock
from tests.e2e.fleet import Fleet, durable_postgres
from tests.e2e.harness import AuditStore

CYCLES = int(os.environ.get("CYCLES", "8"))
NULL = "/generate/image/ringback/null"
CLIENTS = 6


class Clients:
    """Programs that submit jobs to whichever API answers, and believe its 2xx alone."""

    def __init__(self, fleet: Fleet, books: AuditStore, receiver_url: str) -> None:
        self._fleet = fleet
        self._books = books
        self._receiver_url = receiver_url

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Submit for the time of the context."""
        async with httpx2.AsyncClient(timeout=30) as http:
            clients = [asyncio.create_task(self._submit(http, n)) for n in range(CLIENTS)]
            try:
                yield
            finally:
                ended = [client for client in clients if client.done()]
                for client in clients:
                    client.cancel()
                await asyncio.gather(*clients, return_exceptions=True)
                for client in ended:
                    client.result()  # only a failure ends one before its time

    async def _submit(self, http: httpx2.AsyncClient, number: int) -> None:
        headers = {
            "authorization": f"Bearer {self._fleet.token}",
            "x-webhook-url": self._receiver_url,
        }
        urls = self._fleet.urls
        for turn in range(10**9):
            url = urls[(number + turn) % len(urls)]
            try:
                answer = await http.post(url + NULL, json={"prompt": "fog"}, headers=headers)
            except httpx2.TransportError:
                await SystemClock().sleep(0.02)  # it was killed; the other one lives
                continue
            if answer.status_code == 503:  # the database was killed for longer than it waits
                continue
            assert answer.status_code == 200, answer.text
            self._books.acknowledged.append(answer.json()["job_id"])


async def look_at_each(fleet: Fleet, books: AuditStore) -> None:
    """Ask for every acknowledged job: it has ended, and is known."""
    headers = {"authorization": f"Bearer {fleet.token}"}
    async with httpx2.AsyncClient(timeout=40, headers=headers) as http:
        for number, job_id in enumerate(books.acknowledged):
            url = fleet.urls[number % 2]
            answer = await http.get(f"{url}/jobs/{job_id}?wait=30")
            if answer.status_code == 404:
                books.lost.append(job_id)
                continue
            job = answer.json()
            assert job["status"] == "completed", job


@pytest.mark.timeout(150 + 15 * CYCLES)
async def test_no_kill_of_anything_loses_a_job_or_ends_one_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    books = AuditStore()
    with durable_postgres() as postgres:
        fleet = Fleet(tmp_path, postgres.dsn)
        async with books.receiver() as receiver, fleet.running():
            fleet.audit()
            clients = Clients(fleet, books, receiver.url)
            async with clients.running():
                for cycle in range(CYCLES):
                    before = receiver.requests_count
                    await receiver.wait_for(before + rng.randint(1, 60), timeout_s=60)
                    roles = (fleet.apis, fleet.workers, fleet.dispatchers)
                    doomed = [role[cycle % 2] for role in roles]
                    rng.shuffle(doomed)
                    await asyncio.gather(*(one.kill() for one in doomed))
                    # They wait for a database that is not back yet.
                    await asyncio.gather(postgres.kill(), *(one.start() for one in doomed))
                    receiver.requests.clear()
            await look_at_each(fleet, books)
            await books.until_brought(set(books.acknowledged) - set(books.lost), timeout_s=60)
            assert fleet.ended_twice() == 0
            await fleet.stop()
            await fleet.command("ledger")
            ledger = fleet.ledger()
    print(f"seed {seed}: {len(books.acknowledged)} acknowledged, {books.duplicates_count} twice")
    assert ledger.wrong == []
    assert all(ledger.is_over(job_id) for job_id in books.acknowledged)
    assert len(books.acknowledged) > CYCLES
    assert books.lost == []
    assert books.missing == set()
    assert books.ended_twice == []
    assert books.changed == []
