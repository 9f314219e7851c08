"""SIGTERM while what the server depends on is away: every process ends within its grace time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from ringback.clock import SystemClock
from ringback.signing.master_key import VARIABLE
from ringback.testing import ReceivedRequest, respond
from tests.e2e.fleet import PROGRAM
from tests.e2e.harness import AuditStore
from tests.e2e.relay import Outage, postgres_behind, relay_to, through
from tests.e2e.test_processes import is_alive, until_children
from tests.files.artifacts.artifact_stores import KEYS, REGION, s3_server
from tests.postgres import Databases

NULL = "/generate/image/ringback/null"
FLUX = "/generate/image/bfl/flux-1-dev"
GRACE_S = 4
MARGIN_S = 5.0  # one second is promised; the rest is for a machine that does much else
PROVIDER = """
[engines]
"bfl/flux-1-dev" = "studio"
[engines.studio]
type = "openai-images"
api_key = "k"
request_timeout_s = 20
base_url = "http://127.0.0.1:{port}"
"""


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6368"
    "00000082008177cd72b60000000049454e44ae426082"
)


class SilentAtFirst:
    """A receiver's script: it says nothing until told to."""

    is_silent = True

    def __call__(self, _request: ReceivedRequest, transport: asyncio.Transport) -> None:
        """Answer 200, or not at all."""
        if not self.is_silent:
            transport.write(respond(200))


class Process:
    """A process of the server, with its log and the time that it took to end."""

    def __init__(self, folder: Path, *command: str, environment: dict[str, str]) -> None:
        folder.mkdir()
        self._command = (*command, "--data", str(folder / "data"), "--json")
        self._environment = environment
        self._errors = folder / "stderr"
        self.process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.probes = ""

    async def start(self) -> None:
        """Start and return when it is ready."""
        with self._errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, PROGRAM, *self._command),
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            line = await self.process.stdout.readline()
        assert line, self.errors
        ready = json.loads(line)
        self.url, self.probes = ready.get("url", ""), ready.get("probes", "")

    @property
    def errors(self) -> str:
        """Return what it wrote to standard error."""
        return self._errors.read_text("utf-8", "replace")

    def events(self, *names: str) -> list[str]:
        """Return the names of the log's events, in order; of those named alone, if any are."""
        lines = [line for line in self.errors.splitlines() if line.startswith("{")]
        found = [json.loads(line)["event"] for line in lines]
        return [one for one in found if not names or one in names]

    async def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit status, and how many seconds it took."""
        clock, process = SystemClock(), self.process
        assert process is not None
        begun = clock.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(150):
            status = await process.wait()
        return status, clock.monotonic() - begun

    async def kill(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def environment_of(dsn: str, **settings: Any) -> dict[str, str]:
    return {
        **os.environ,
        "RINGBACK_DATABASE": dsn,
        "RINGBACK_GRACE_S": str(GRACE_S),
        "RINGBACK_LOG_LEVEL": "info",
        "RINGBACK_LOG_FORMAT": "json",
        "RINGBACK_LEASE_S": "2",
        "RINGBACK_ACTIVE_MAX": "100",
        VARIABLE: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        **{f"RINGBACK_{name.upper()}": str(value) for name, value in settings.items()},
    }


async def token_of(folder: Path, environment: dict[str, str]) -> str:
    """Return a new token of the workspace studio."""
    command = ("keys", "create", "--workspace", "studio", "--json", "--data", str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, *command, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    token: str = json.loads(output)["token"]
    return token


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[None]:
    """Run processes for the time of the context."""
    async with AsyncExitStack() as stack:
        for one in processes:
            stack.push_async_callback(one.kill)
            await one.start()
        yield


async def all_end_in_time(*processes: Process) -> None:
    """Fail unless SIGTERM ends every process within the grace time, and well."""
    ended = await asyncio.gather(*(one.stop() for one in processes))
    for one, (status, took_s) in zip(processes, ended, strict=True):
        assert status == 0, (ended, one.errors[-3_000:])
        assert took_s <= GRACE_S + MARGIN_S, (ended, one.errors[-3_000:])


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Run a server that reads and says nothing; gives its port, and what tells of a request."""
    was_asked = asyncio.Event()

    async def never() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        was_asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody opens a connection here")

    async with relay_to(never) as relay:
        yield relay.port, was_asked


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_processes_of_every_role_end_in_time_while_database_provider_and_receiver_are_away(
    databases: Databases, tmp_path: Path, how: Outage
) -> None:
    books, answers = AuditStore(), SilentAtFirst()
    config = tmp_path / "ringback.toml"
    async with AsyncExitStack() as stack:
        dsn = stack.enter_context(databases.fresh(template="template0"))
        relay = await stack.enter_async_context(postgres_behind(dsn))
        provider_port, was_bought = await stack.enter_async_context(silent_server())
        receiver = await stack.enter_async_context(books.receiver(*[answers] * 1_000))
        config.write_text(PROVIDER.format(port=provider_port), "utf-8")
        environment = environment_of(
            through(dsn, relay),
            config=config,
            webhook_timeout_s=8,
            webhook_schedule_s=",".join(["0", *["1"] * 20]),
            breaker_failures_max=1_000,
        )
        token = await token_of(tmp_path / "keys", environment)
        commands = {
            "api": ("serve", "--roles", "api", "--port", "0"),
            "worker": ("worker",),
            "dispatcher": ("dispatch",),
            "all": ("serve", "--port", "0"),
            "many": ("serve", "--port", "0", "--processes", "2"),
        }
        processes = {
            name: Process(tmp_path / name, *command, environment=environment)
            for name, command in commands.items()
        }
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
        http.headers.update({"authorization": f"Bearer {token}", "x-webhook-url": receiver.url})
        async with running(*processes.values()):
            for path in [NULL] * 8 + [FLUX] * 4:
                answer = await http.post(processes["api"].url + path, json={"prompt": "fog"})
                assert answer.status_code == 200, answer.text
                books.acknowledged.append(answer.json()["job_id"])
            await receiver.wait_for(8, timeout_s=30)
            await asyncio.wait_for(was_bought.wait(), 30)
            await relay.fail(how)
            asking = [
                asyncio.create_task(http.get(f"{processes[name].url}/jobs"))
                for name in ("api", "all", "many")
            ]
            await SystemClock().sleep(1.0)  # what checks the database every second has started
            await all_end_in_time(*processes.values())
            await asyncio.gather(*asking, return_exceptions=True)
        for one in processes.values():
            assert one.events("loop_broke", "worker_broke", "dispatcher_broke", "stop_broke") == []

        await relay.open()
        answers.is_silent = False
        books.deliveries.clear()  # nothing was answered yet, so all of it comes again
        after = Process(tmp_path / "after", "serve", "--port", "0", environment=environment)
        async with running(after):
            await books.until_brought(set(books.acknowledged), timeout_s=120)
        assert books.ended_twice == []
        with psycopg.connect(dsn) as connection:
            ends = connection.execute("select status from jobs").fetchall()
    assert len(ends) == len(books.acknowledged)
    assert {status for (status,) in ends} <= {"completed", "failed"}


@pytest.mark.timeout(120)
async def test_a_process_ends_in_time_while_the_bucket_of_its_artifacts_says_nothing(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        s3 = await asyncio.to_thread(stack.enter_context, s3_server())
        s3.bucket("pictures")
        connect = partial(asyncio.open_connection, "127.0.0.1", urlsplit(s3.endpoint).port)
        relay = await stack.enter_async_context(relay_to(connect))
        environment = {
            **os.environ,
            **KEYS,
            "RINGBACK_ARTIFACTS_URL": "s3://pictures",
            "RINGBACK_ARTIFACTS_ENDPOINT": f"http://127.0.0.1:{relay.port}",
            "RINGBACK_ARTIFACTS_REGION": REGION,
            "RINGBACK_GRACE_S": str(GRACE_S),
        }
        process = Process(tmp_path / "dev", "dev", "--port", "0", environment=environment)
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
        http.headers["authorization"] = "Bearer studio"
        async with running(process):
            await relay.fail("silent")
            saving = await http.post(process.url + NULL, json={"prompt": "fog"})
            picture = {"file": ("a.png", PIXEL, "image/png")}
            uploading = asyncio.create_task(http.post(f"{process.url}/assets", files=picture))
            async with asyncio.timeout(30):
                while relay.connections_count < 2:
                    await SystemClock().sleep(0.05)
            await all_end_in_time(process)
            await asyncio.gather(uploading, return_exceptions=True)
            await relay.open()
            await process.start()
            job = (await http.get(f"{process.url}/jobs/{saving.json()['job_id']}?wait=30")).json()
            assert job["status"] == "completed", job


async def until_status(http: httpx2.AsyncClient, url: str, status: int, *, timeout_s: float) -> str:
    """Return the answer's body once it has that status."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = await http.get(url)
            if answer.status_code == status:
                return answer.text
            await SystemClock().sleep(0.1)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_an_outage_of_the_database_is_told_once_and_makes_nobody_ready(
    databases: Databases, tmp_path: Path, how: Outage
) -> None:
    async with AsyncExitStack() as stack:
        dsn = stack.enter_context(databases.fresh(template="template0"))
        relay = await stack.enter_async_context(postgres_behind(dsn))
        environment = environment_of(through(dsn, relay))
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
        processes = [
            Process(tmp_path / "all", "serve", "--port", "0", environment=environment),
            Process(tmp_path / "worker", "worker", "--probe-port", "0", environment=environment),
        ]
        async with running(*processes):
            probes = [f"{one.url or one.probes}/readyz" for one in processes]
            for url in probes:
                await until_status(http, url, 200, timeout_s=10)
            await relay.fail(how)
            for url in probes:
                output = await until_status(http, url, 503, timeout_s=20)
                assert "database" in output
                assert (await http.get(url.replace("readyz", "healthz"))).status_code == 200
            # For as long as patience lasts, and then some: everybody has been told that it is away.
            if how == "refused":
                await SystemClock().sleep(33)
            await relay.open()
            for url in probes:
                await until_status(http, url, 200, timeout_s=40)
            await all_end_in_time(*processes)
        for one in processes:
            assert one.events("store_away", "store_back") == ["store_away", "store_back"]
            assert one.events("loop_broke", "worker_broke", "dispatcher_broke") == []
            assert one.events("storage_full") == []
            assert len(one.events("notifications_lost")) <= 1
            assert "Traceback" not in one.errors


@pytest.mark.timeout(120)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it looks at processes in /proc")
async def test_a_parent_ends_in_time_although_a_child_of_its_was_stopped(
    databases: Databases, tmp_path: Path
) -> None:
    with databases.fresh(template="template0") as dsn:
        command = ("serve", "--roles", "api", "--port", "0", "--processes", "2")
        parent = Process(tmp_path / "many", *command, environment=environment_of(dsn))
        async with running(parent):
            assert parent.process is not None
            stopped, *_ = await until_children(parent.process.pid)
            os.kill(stopped, signal.SIGSTOP)
            await all_end_in_time(parent)
        assert parent.events("process_cut") == ["process_cut"]
        assert not is_alive(stopped)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker",), ("dispatch",)])
async def test_a_process_that_loses_the_database_while_it_starts_ends_with_one_sentence(
    databases: Databases, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with databases.fresh(template="template0") as dsn:
        async with postgres_behind(dsn) as relay:
            # A log that is JSON by name would have an event in the sentence's place.
            environment = environment_of(through(dsn, relay)) | {"RINGBACK_LOG_FORMAT": "auto"}
            # Somewhere in the midst of making the tables, and after it.
            for cuts_after_bytes in (300, 1_000):
                relay.cuts_after_bytes, relay.stays_cut = cuts_after_bytes, True
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, PROGRAM, *command, "--data", str(tmp_path / "data")),
                    env=environment,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                async with asyncio.timeout(90):
                    _, errors = await process.communicate()
                printed = [line for line in errors.decode().splitlines() if line[:1] != "{"]
                assert process.returncode == 1, errors.decode()
                assert len(printed) == 1, errors.decode()
                assert printed[0].startswith("ringback: The database ")
                assert "cannot be reached" in printed[0]
