"""What the client library costs: per call over the bare HTTP library, and to import.

And how soon the command line tells its help, and the fixture for tests has its server up.

Both get the same job from the same tiny server in another process, in turns.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from bench.machine import LOAD_CORE, SERVER_CORE, median, note, pin, say
from ringback import Ringback
from ringback.clock import SystemClock
from ringback.testing import FakeReceiver, respond
from ringback.testing.emulator import Emulator

CALLS = 400
ROUNDS = 15
IMPORTS = 9
_JOB = {
    "job_id": "01a20a55-b29d-7235-8cfd-466805ee98c9",
    "status": "completed",
    "created_at": "2026-09-21T14:13:20.000Z",
    "completed_at": "2026-09-21T14:13:21.000Z",
    "result": {"urls": ["https://x.example/1.png"]},
}


def measure() -> None:
    """Print the figures."""
    for statement in ("import ringback", "from ringback import Ringback"):
        say(statement, f"{_import_ms(statement):.0f} ms", "<= 60 ms")
    say("from ringback import …; Ringback()", f"{_import_ms(_FIRST):.0f} ms")
    say("ringback --help", f"{median(_help_ms()):.0f} ms", "<= 150 ms")
    say("the fixture ringback_server", f"{median(_fixture_ms()):.0f} ms", "<= 300 ms")
    command = [sys.executable, "-m", "bench.client", "--server"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        pin(SERVER_CORE)
        _measure(url)
    finally:
        server.kill()
        server.wait()


def _measure(url: str) -> None:
    clock = SystemClock()
    bare, ours = [], []
    with Ringback("key", url) as client, httpx2.Client(trust_env=False) as http:
        headers = {"authorization": "Bearer key"}
        for number in range(ROUNDS):
            began = clock.monotonic()
            for _ in range(CALLS):
                json.loads(http.get(f"{url}/jobs/1", headers=headers).content)
            bare.append((clock.monotonic() - began) / CALLS * 1e6)
            began = clock.monotonic()
            for _ in range(CALLS):
                client.jobs.get("1")
            ours.append((clock.monotonic() - began) / CALLS * 1e6)
            note(f"  round {number + 1} of {ROUNDS}: {bare[-1]:.0f} and {ours[-1]:.0f} us")
    say("a call of the bare HTTP library", f"{median(bare):.0f} us")
    say("a call of the client", f"{median(ours):.0f} us")
    added = median([one - other for one, other in zip(ours, bare, strict=True)])
    say("added by the client", f"{added:.0f} us", "<= 150 us")


_FIRST = "from ringback import Ringback; Ringback()"


def _import_ms(statement: str) -> float:
    """Return how much longer a program takes that runs the statement than one that does not."""
    clock = SystemClock()

    def took_ms(code: str) -> float:
        began = clock.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (clock.monotonic() - began) * 1000

    return median([took_ms(statement) - took_ms("pass") for _ in range(IMPORTS)])


def _help_ms() -> list[float]:
    """Return how long the whole program takes to tell its help, its interpreter included."""
    clock = SystemClock()
    times_ms = []
    for _ in range(IMPORTS):
        began = clock.monotonic()
        command = [sys.executable, "-m", "ringback", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times_ms.append((clock.monotonic() - began) * 1000)
    return times_ms


def _fixture_ms() -> list[float]:
    """Return how long the server of a test takes to be ready."""
    clock = SystemClock()
    times_ms = []
    for _ in range(IMPORTS):
        with TemporaryDirectory() as directory:
            began = clock.monotonic()
            with Emulator(Path(directory)):
                times_ms.append((clock.monotonic() - began) * 1000)
    return times_ms


async def _serve() -> None:
    body = json.dumps(_JOB).encode()
    answer = respond(200, headers=[("content-type", "application/json")], body=body)
    async with FakeReceiver(then=answer) as receiver:
        print(receiver.port, flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if "--server" in sys.argv:
        pin(LOAD_CORE)
        asyncio.run(_serve())
    else:
        measure()
