"""Three workspaces: while the receivers of one reset, every byte that the others get is theirs.

``make descriptors RESETS=20000`` keeps it up for longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.e2e.harness import ServerProcess
from tests.egress.descriptors import ResetsAtOnce

RESETS = int(os.environ.get("RESETS", "300"))
CLIENTS = 3  # of each workspace
NULL = "/generate/image/ringback/null"
ASSETS = "/assets"
ENVIRONMENT = {
    "RINGBACK_ACTIVE_MAX": "100000",
    # A receiver that resets is tried again and again, as many destinations would be.
    "RINGBACK_BREAKER_FAILURES_MAX": "1000000",
    "RINGBACK_WEBHOOK_SCHEDULE_S": "0," + "0.2," * 20 + "0.2",
}
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)
_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Tenant:
    """A workspace's clients and its receiver, which look at every byte that comes."""

    def __init__(self, name: str, server: ServerProcess) -> None:
        self.name = name
        self.receiver_url = ""
        self.strays: list[bytes] = []  # answers that are another workspace's, or not whole
        self.submitted: set[str] = set()
        self.brought: set[str] = set()
        self._server = server
        self._came = asyncio.Event()

    async def send(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """Ask over a connection of its own, and return the answer, which is all that came."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._server.port}\r\n"
            f"authorization: Bearer {self.name}\r\nx-webhook-url: {self.receiver_url}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
            "connection: close\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
            try:
                writer.write(head.encode() + content)
                received = await reader.read()
            finally:
                writer.transport.abort()
        except OSError as exc:
            raise AssertionError(f"{self.name} was cut off: {exc}; {self._server.errors}") from exc
        head_came, _, body_came = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head_came + b"\r\n")
        is_whole = length is not None and int(length[1]) == len(body_came)
        if not is_whole or not head_came.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")):
            self.strays.append(received)
            raise AssertionError(f"{self.name} was answered {received!r}")
        return json.loads(body_came)

    async def submit_and_poll(self) -> None:
        """Submit a job and look at it."""
        job_id = (await self.send("POST", NULL, {"prompt": self.name}))["job_id"]
        assert job_id not in self.submitted
        self.submitted.add(job_id)
        job = await self.send("GET", f"/jobs/{job_id}")
        assert job["job_id"] == job_id

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Receive this workspace's webhooks for the time of the context."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Receiver(self), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            self.receiver_url = f"http://127.0.0.1:{port}/{self.name}"
            yield

    def bring(self, head: bytes, body: bytes) -> None:
        """Take note of a webhook."""
        if not head.startswith(b"POST /%b HTTP/1.1\r\n" % self.name.encode()):
            self.strays.append(head + body)
            return
        self.brought.add(json.loads(body)["job_id"])
        self._came.set()

    async def until_brought(self) -> None:
        """Return when the webhooks of all jobs have come; no other may."""
        async with asyncio.timeout(60):
            while self.submitted - self.brought:
                self._came.clear()
                await self._came.wait()
        assert self.brought == self.submitted


class _Receiver(asyncio.Protocol):
    """Splits all that comes over a connection into webhooks; what is left over is a stray."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if end and length is not None and len(rest) >= int(length[1]):
            body, self._came = rest[: int(length[1])], rest[int(length[1]) :]
            self._tenant.bring(head + end, body)
            self._transport.write(_TAKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._came:
            self._tenant.strays.append(self._came)


async def keep_using(tenant: Tenant, over: asyncio.Event) -> None:
    """Use the server as one does, until it is over."""
    while not over.is_set():
        await tenant.submit_and_poll()


async def keep_resetting(mallory: Tenant, resets: ResetsAtOnce, over: asyncio.Event) -> None:
    """Have the server dial receivers that reset, by webhooks and by fetches."""
    urls = [f"https://{host}:{resets.port}/x.png" for host in ("127.0.0.1", "localhost")]
    while resets.count < RESETS and not over.is_set():
        for mallory.receiver_url in urls:
            await mallory.submit_and_poll()
            await mallory.send("POST", ASSETS, {"url": mallory.receiver_url})
    over.set()


@pytest.mark.slow
@pytest.mark.timeout(120 + RESETS // 5)
async def test_receivers_that_reset_cost_other_tenants_no_byte_and_the_server_nothing(
    tmp_path: Path,
) -> None:
    over = asyncio.Event()
    async with ServerProcess(tmp_path / "data", environment=ENVIRONMENT) as server:
        await server.start()
        alice, bob, mallory = (Tenant(name, server) for name in ("alice", "bob", "mallory"))
        with ResetsAtOnce() as resets:
            async with alice.receiving(), bob.receiving():
                try:
                    async with asyncio.TaskGroup() as tasks:
                        for _ in range(CLIENTS):
                            tasks.create_task(keep_using(alice, over))
                            tasks.create_task(keep_using(bob, over))
                            tasks.create_task(keep_resetting(mallory, resets, over))
                    await alice.until_brought()
                    await bob.until_brought()
                finally:
                    log = (tmp_path / "data.stderr").read_text("utf-8", "replace")
                    assert "broke" not in log, log[:4_000]
            assert await server.stop() == 0, server.errors
        assert resets.count >= RESETS
        assert [alice.strays, bob.strays, mallory.strays] == [[], [], []]
        assert not alice.submitted & bob.submitted
        log = (tmp_path / "data.stderr").read_text("utf-8", "replace")
        assert "broke" not in log
        assert "Traceback" not in log
        await server.audit()
