"""``ringback lab`` as its users have it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from ringback.ids import new_secret
from ringback.lab.checks import CHECKS
from tests.cli.program import Program
from tests.cli.test_completion import bare
from tests.lab.emulator import HourlyLab
from tests.lab.receivers import GoodReceiver, TakesUnsigned, Timeless, serving
from tests.world import a_world

SECRET = new_secret()


@asynccontextmanager
async def serving_api(directory: Path, *, profile: str = "dev") -> AsyncIterator[str]:
    """Serve the API with a lab on a real socket; gives its URL."""
    async with a_world(directory, profile=profile) as world:
        world.serve_with(lab=HourlyLab())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(world.app, lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listener])
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                await server.shutdown(sockets=[listener])


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an emulator."""
    async with serving_api(tmp_path / "world") as url:
        yield url


async def run(
    ringback: Program, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the program beside this test's own servers."""
    return await asyncio.to_thread(ringback.run, "lab", *arguments, **environment)


async def test_a_good_receiver_passes_each_check(ringback: Program) -> None:
    async with serving(GoodReceiver(SECRET)) as server:
        done = await run(ringback, "check", server.url, "--secret", SECRET)
    assert done.returncode == 0, done.stdout
    for check in CHECKS:
        assert f"pass  {check.name} " in done.stdout
        assert check.why in done.stdout
    assert done.stdout.endswith(f"\n{len(CHECKS)} passed, 0 to look at, 0 failed.\n")
    assert SECRET not in done.stdout + done.stderr


async def test_a_receiver_is_examined_without_the_servers_packages(tmp_path: Path) -> None:
    async with serving(GoodReceiver(SECRET)) as server:
        check = ["lab", "check", server.url, "--secret", SECRET]
        assert await asyncio.to_thread(bare, tmp_path, [check]) == [0]


async def test_a_check_that_failed_is_status_1(ringback: Program) -> None:
    async with serving(TakesUnsigned(SECRET)) as server:
        done = await run(ringback, "check", server.url, "--secret", SECRET)
    assert done.returncode == 1
    assert "fail  refuses-missing-signatures " in done.stdout
    assert f"{len(CHECKS) - 1} passed, 0 to look at, 1 failed." in done.stdout


async def test_a_report_for_programs_takes_the_secret_from_the_environment(
    ringback: Program,
) -> None:
    async with serving(Timeless(SECRET, direction=-1)) as server:
        done = await run(ringback, "check", server.url, "--json", RINGBACK_WEBHOOK_SECRET=SECRET)
        url = server.url
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["url"], report["ok"], report["not_tried"]) == (url, False, [])
    failed = [f for f in report["findings"] if f["verdict"] == "fail"]
    assert [finding["name"] for finding in failed] == ["refuses-old-webhooks"]
    assert failed[0].keys() == {"name", "verdict", "why", "seen"}


async def test_a_missing_receiver_is_reported_once(ringback: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
    done = await run(ringback, "check", url)
    assert done.returncode == 1
    assert "Is it running" in done.stdout
    assert f"{len(CHECKS) - 1} not tried" in done.stdout


async def test_the_clock_is_printed_and_advanced(ringback: Program, emulator: str) -> None:
    before = await run(ringback, "clock", "--url", emulator)
    assert before.stdout == "2027-01-15T08:00:00.000Z\n"
    assert "0s ahead" in before.stderr
    moved = await run(ringback, "advance", "75h", "--url", emulator, "--token", "studio")
    assert moved.returncode == 0, moved.stderr
    assert moved.stdout.splitlines() == [
        "before    2027-01-15T08:00:00.000Z",
        "now       2027-01-18T11:00:00.000Z",
        "attempts  75",
    ]
    after = await run(ringback, "clock", "--url", f"{emulator}/", "--json")
    assert json.loads(after.stdout) == {"now": "2027-01-18T11:00:00.000Z", "ahead": "75h"}
    again = await run(ringback, "advance", "30m", "--url", emulator, "--json")
    assert json.loads(again.stdout)["attempts"] == 0


async def test_the_emulators_refusal_is_printed(ringback: Program, tmp_path: Path) -> None:
    async with serving_api(tmp_path / "world", profile="serve") as url:
        done = await run(ringback, "clock", "--url", url, "--token", "rb_unknown")
    assert done.returncode == 1
    assert "answered 401: This token is unknown or was revoked." in done.stderr


def test_a_server_has_no_clock_to_move(ringback: Program) -> None:
    server = ringback.start("serve", "--port", "0", "--json")
    url = server.ready()["url"]
    done = ringback.run("lab", "advance", "75h", "--url", url)
    assert done.returncode == 1
    assert "only ringback dev" in done.stderr
    assert server.end(signal.SIGTERM) == 0


def test_a_missing_emulator_is_an_error_with_a_hint(ringback: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = ringback.run("lab", "clock", "--url", url)
    assert done.returncode == 6
    assert "start one with ringback dev" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "localhost:8000"], "write it like http://localhost:8000/webhook"),
        (["check", "http:///webhook"], "is no URL to post to"),
        (["check", "http://127.0.0.1/", "--secret", "whsec_!"], "whsec_ and base64"),
        (["check", "http://127.0.0.1/", "--job-id", ""], "--job-id"),
        (["advance", "soon"], "is not a duration"),
        (["clock", "--url", "here"], "--url"),
        (["clock", "--url", "file:///etc/passwd"], "--url"),
        (["clock", "--token", "two words"], "--token"),
        (["clock", "--token", "a\nb"], "--token"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what(
    ringback: Program, arguments: list[str], says: str
) -> None:
    done = ringback.run("lab", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
