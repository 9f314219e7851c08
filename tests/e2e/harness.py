"""Real server processes, and the books that are kept about them from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.testing import FakeReceiver, ReceivedRequest, Script

PLAIN = ("-m", "ringback")
_READY_S = 60.0
_DEFAULTS = {
    "RINGBACK_LOG_LEVEL": "warning",
    "RINGBACK_CRASH_WAIT_S": "0",  # so many kills would have it wait for most of the time
}


def free_port() -> int:
    """Return a port that nobody listens on, for a server that is to come back on it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def contract_folder() -> Path:
    """Return the folder of the public API's description, or skip the test."""
    folder = os.environ.get("RINGBACK_CONTRACT_DIR")
    if not folder:
        pytest.skip("RINGBACK_CONTRACT_DIR is not set: the public API's description is not here")
    return Path(folder)


class ServerProcess:
    """``ringback dev`` in a process of its own, which can be killed and started again."""

    def __init__(
        self,
        data: Path,
        *,
        program: Sequence[str] = PLAIN,
        environment: dict[str, str] | None = None,
        errors: Path | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready: dict[str, Any] = {}
        self._program = program
        self._environment = {**os.environ, **_DEFAULTS, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._errors = errors or data.parent / f"{data.name}.stderr"

    async def __aenter__(self) -> ServerProcess:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Leave nothing behind, however the test ended."""
        if self._process is not None:
            await self.kill()

    async def start(self) -> None:
        """Start the server and return when it says that it is ready."""
        command = [*self._program, "dev", "--port", str(self.port), "--data", str(self.data)]
        with self._errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                "--json",
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_READY_S):
            line = await self._process.stdout.readline()
        assert line, f"the server did not start: {self.errors}"
        self.ready = json.loads(line)

    @property
    def errors(self) -> str:
        """Return what the server wrote to standard error, the end of it."""
        return self._errors.read_text("utf-8", "replace")[-2_000:]

    async def kill(self) -> None:
        """End the server as a power cut would: no handler runs."""
        await self._end(signal.SIGKILL)

    async def pause(self, seconds: float) -> None:
        """Stop every instruction of the server for that long, and let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            await SystemClock().sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def audit(self) -> None:
        """Fail unless the books balance that the server, which was stopped, has left."""
        command = [*self._program, "ledger", "--data", str(self.data)]
        auditor = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await auditor.communicate()
        assert auditor.returncode == 0, output.decode()

    async def stop(self) -> int:
        """Ask the server to end and return its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(40):
            return await self._process.wait()


class AuditStore:
    """What a client was promised, and what its receiver was brought."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.lost: list[str] = []  # acknowledged, and yet unknown to the server
        self.deliveries: defaultdict[str, defaultdict[str, set[bytes]]] = defaultdict(
            lambda: defaultdict(set)
        )
        self.duplicates_count = 0
        self._entered = asyncio.Event()

    def receiver(self, *answers: Script) -> FakeReceiver:
        """Return a receiver that enters what it is brought."""
        books = self

        class Receiver(FakeReceiver):
            def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
                books.enter(request)
                super()._answer(request, transport)

        return Receiver(answers)

    def enter(self, request: ReceivedRequest) -> None:
        """Enter one webhook that came."""
        job_id = json.loads(request.body)["job_id"]
        webhook_id = request.header("webhook-id")
        assert webhook_id is not None
        bodies = self.deliveries[job_id][webhook_id]
        self.duplicates_count += request.body in bodies
        bodies.add(request.body)
        self._entered.set()

    async def until_brought(self, job_ids: set[str], *, timeout_s: float) -> None:
        """Return when the webhooks of these jobs have come; ``TimeoutError`` if they do not."""
        async with asyncio.timeout(timeout_s):
            while job_ids - self.deliveries.keys():
                self._entered.clear()
                await self._entered.wait()

    @property
    def missing(self) -> set[str]:
        """Return the acknowledged jobs whose webhook has not come."""
        return set(self.acknowledged) - set(self.deliveries)

    @property
    def ended_twice(self) -> list[str]:
        """Return the jobs that were brought under two ids."""
        return [job_id for job_id, ids in self.deliveries.items() if len(ids) > 1]

    @property
    def changed(self) -> list[str]:
        """Return the jobs of which one webhook-id came with different bytes."""
        return [
            job_id
            for job_id, ids in self.deliveries.items()
            if any(len(bodies) > 1 for bodies in ids.values())
        ]


class LiveServer:
    """``ringback dev`` for tests that are not asynchronous."""

    def __init__(self, data: Path, *, environment: dict[str, str] | None = None) -> None:
        self._data = data
        self._environment = {**os.environ, **_DEFAULTS, **(environment or {})}
        self.url = ""

    def __enter__(self) -> LiveServer:
        command = [sys.executable, *PLAIN, "dev", "--port", "0", "--data", str(self._data)]
        self._process = subprocess.Popen(
            [*command, "--json"], env=self._environment, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]
        return self

    def __exit__(self, *_exc: object) -> None:
        assert self._process.stdout is not None
        self._process.terminate()
        try:
            assert self._process.wait(40) == 0
        finally:
            self._process.stdout.close()
