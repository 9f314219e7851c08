"""``ringback listen --forward-to`` when either side of it dies: nothing is lost, ids stay."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from ringback.testing import FakeReceiver, hang
from tests.e2e.harness import PLAIN, AuditStore, ServerProcess

NULL = "/generate/image/ringback/null"
JOBS = 40
KILLS = 3
# A lease of three seconds: what a killed program had in its hands is soon the next one's.
QUICK = {
    "RINGBACK_WEBHOOK_TIMEOUT_S": "0.5",
    "RINGBACK_WEBHOOK_SCHEDULE_S": "0," + "0.2," * 9 + "1",
}


@asynccontextmanager
async def listener(
    server: ServerProcess, local: FakeReceiver
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program for the time of the context, once it says that it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(*PLAIN, "listen", "--url", server.url, "--forward-to", local.url, "--name", "ed"),
        "--json",
        env={**os.environ, "RINGBACK_API_KEY": "dev"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert b'"listener"' in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # A process whose output nobody reads may never end.
        await process.communicate()


async def submit(server: ServerProcess, books: AuditStore, count: int) -> None:
    """Submit jobs, each until the server has acknowledged it."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        while len(books.acknowledged) < count:
            try:
                answer = await http.post(
                    NULL, json={"prompt": "x"}, headers={"authorization": "Bearer dev"}
                )
            except httpx2.TransportError:
                await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.05)
                continue
            if answer.is_success:
                books.acknowledged.append(answer.json()["job_id"])


@pytest.mark.timeout(120)
async def test_a_server_that_is_killed_again_and_again_owes_its_listener_nothing(
    tmp_path: Path,
) -> None:
    books = AuditStore()
    async with ServerProcess(tmp_path / "data", environment=QUICK) as server:
        await server.start()
        async with books.receiver() as local, listener(server, local):
            submitting = asyncio.create_task(submit(server, books, JOBS))
            for kill in range(1, KILLS + 1):
                await local.wait_for(kill * 5, 30)
                await server.kill()
                await server.start()
            await submitting
            await books.until_brought(set(books.acknowledged), timeout_s=60)
        assert books.missing == set()
        assert books.ended_twice == []
        assert books.changed == []
        await server.kill()
        await server.audit()


@pytest.mark.timeout(90)
async def test_what_a_killed_program_had_in_its_hands_comes_again_under_the_same_id(
    tmp_path: Path,
) -> None:
    books = AuditStore()
    async with ServerProcess(tmp_path / "data", environment=QUICK) as server:
        await server.start()
        async with books.receiver(hang()) as local:
            async with listener(server, local) as process:
                await submit(server, books, 1)
                await local.wait_for(1, 30)
                process.send_signal(signal.SIGKILL)
                await process.communicate()
            async with listener(server, local):
                await local.wait_for(2, 30)
        first, second = local.requests
        assert first.header("webhook-id") == second.header("webhook-id")
        assert first.body == second.body
        assert second.header("ringback-attempt") == "1"  # nobody had told of the first
