"""A rolling upgrade: every process is drained and replaced, one after the other, under load, and no
client that tries again notices.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ringback import AsyncRingback
from tests.e2e.fleet import Fleet, durable_postgres
from tests.e2e.harness import AuditStore

CLIENTS = 4


async def submit_for_ever(client: AsyncRingback, books: AuditStore, receiver_url: str) -> None:
    """Submit with the client library, which tries again by itself; any failure ends this."""
    while True:
        job = await client.image("ringback/null", prompt="fog", webhook_url=receiver_url)
        books.acknowledged.append(job.job_id)


@pytest.mark.timeout(400)
async def test_no_request_fails_while_every_process_is_replaced(tmp_path: Path) -> None:
    books = AuditStore()
    with durable_postgres() as postgres:
        fleet = Fleet(tmp_path, postgres.dsn)
        async with books.receiver() as receiver, fleet.running(), AsyncExitStack() as stack:
            clients = []
            for number in range(CLIENTS):
                url = fleet.urls[number % 2]
                clients.append(AsyncRingback(fleet.token, url, max_retries=10))
                stack.push_async_callback(clients[-1].close)
            loads = [
                asyncio.create_task(submit_for_ever(client, books, receiver.url))
                for client in clients
            ]
            for member in fleet.members:
                before = receiver.requests_count
                await member.restart()
                # The members that stayed and the one that came back go on.
                await receiver.wait_for(before + 20, timeout_s=60)
            failed = [load for load in loads if load.done()]
            for load in loads:
                load.cancel()
            await asyncio.gather(*loads, return_exceptions=True)
            assert [load.exception() for load in failed] == []
            await books.until_brought(set(books.acknowledged), timeout_s=60)
            assert fleet.ended_twice() == 0
            await fleet.stop()
            await fleet.command("ledger")
    assert len(books.acknowledged) > 100
    assert books.ended_twice == []
    assert books.changed == []
