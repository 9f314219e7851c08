"""The whole server under load: submissions, jobs end to end, webhooks' lag, and at rest."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

import uvloop

from bench.load import Inbox, Load, a_submission
from bench.machine import LOAD_CORE, SERVER_CORE, describe, median, note, percentile, pin, say
from bench.meters import process_s

RUNS = 3
SECONDS = 5.0
CONNECTIONS = 64


# What is measured is the cost of a job, not how many a workspace may have.
ROOMY = {
    "RINGBACK_ACTIVE_MAX": "1000000",
    "RINGBACK_WEBHOOK_CONCURRENCY_PER_DESTINATION": "64",
}


class Running(NamedTuple):
    """A server that is ready."""

    host: str
    port: int
    process: subprocess.Popen[bytes]
    ready_s: float  # from its start


@contextmanager
def server() -> Iterator[tuple[str, int, int, float]]:
    """Run an emulator on one core; gives its host, port, process id and seconds until ready."""
    with running("-m", "bench.emulator", environment=ROOMY, core=SERVER_CORE) as one:
        yield one.host, one.port, one.process.pid, one.ready_s


@contextmanager
def running(
    *program: str,
    environment: Mapping[str, str],
    core: int | None = None,
    errors: int | BinaryIO | None = None,
) -> Iterator[Running]:
    """Run an emulator with these variables; what it logs goes to ``errors``."""
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as data:
        variables = {
            **os.environ,
            "RINGBACK_LOG_LEVEL": "warning",
            "RINGBACK_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
            **environment,
        }
        command = [sys.executable, *program, "dev", "--port", "0", "--data", data, "--json"]
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=lambda: pin(core),
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            ready_s = time.perf_counter() - started
            address = urlsplit(ready["url"])
            assert address.hostname is not None
            assert address.port is not None
            yield Running(address.hostname, address.port, process, ready_s)
        finally:
            process.terminate()
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@asynccontextmanager
async def loaded(host: str, port: int, *, webhook_url: str | None = None) -> AsyncIterator[Load]:
    """Connections to a server that submit jobs with this webhook URL."""
    load = Load(host, port, a_submission(host, port, webhook_url=webhook_url))
    await load.open(CONNECTIONS)
    try:
        yield load
    finally:
        load.close()


@asynccontextmanager
async def answered(host: str, port: int) -> AsyncIterator[tuple[Load, Inbox]]:
    """Such connections, and the receiver that the jobs' webhooks go to."""
    inbox = Inbox()
    await inbox.open()
    try:
        async with loaded(host, port, webhook_url=f"http://127.0.0.1:{inbox.port}/hook") as load:
            yield load, inbox
    finally:
        inbox.close()


async def bare() -> float:
    """Return requests per second of a bare application under the same load: the yardstick."""
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-m", "bench.bare"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: pin(SERVER_CORE),
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        async with loaded("127.0.0.1", port) as load:
            return await load.closed_loop(SECONDS)
    finally:
        process.terminate()
        process.wait(timeout=10)


async def submissions() -> tuple[float, float]:
    """Return jobs accepted per second, closed loop, and the p99 latency in ms at 2,500/s."""
    with server() as (host, port, _, _):
        async with loaded(host, port) as load:
            rate = await load.closed_loop(SECONDS)
            assert load.refused_count == 0, f"{load.refused_count} refused"
            load.latencies_s.clear()
            await load.open_loop(2_500, SECONDS)
            return rate, percentile(load.latencies_s, 0.99) * 1000


class EndToEnd(NamedTuple):
    """How many jobs went from submission to recorded delivery, and what each of them took."""

    jobs_count: int
    per_s: float
    own_us: float  # of a processor, in the server's process
    beside_us: float  # of a processor, in what the server uses


async def end_to_end(beside_s: Callable[[], float] = lambda: 0.0) -> EndToEnd:
    """Return what a closed loop did; ``beside_s`` is what else has used the processors so far."""
    with server() as (host, port, pid, _):
        async with answered(host, port) as (load, inbox):
            own_before, beside_before = process_s(pid), beside_s()
            started = time.perf_counter()
            await load.closed_loop(SECONDS)
            assert load.refused_count == 0, f"{load.refused_count} refused"
            done = len(load.latencies_s)
            await inbox.wait_for(done, timeout_s=60)
            return EndToEnd(
                jobs_count=done,
                per_s=done / (time.perf_counter() - started),
                own_us=(process_s(pid) - own_before) / done * 1e6,
                beside_us=(beside_s() - beside_before) / done * 1e6,
            )


async def lag() -> float:
    """Return the p99 in ms from terminal status to the webhook's receipt, at 500 jobs/s."""
    with server() as (host, port, _, _):
        async with answered(host, port) as (load, inbox):
            await load.open_loop(500, 1.0)
            await inbox.wait_for(500, timeout_s=30)
            inbox.lags_s.clear()
            await load.open_loop(500, SECONDS)
            await inbox.wait_for(500 + int(500 * SECONDS), timeout_s=30)
            return percentile(inbox.lags_s, 0.99) * 1000


def at_rest() -> tuple[float, float]:
    """Return seconds from start to ready, and MiB resident when idle, child processes included."""
    with server() as (_, _, pid, ready_s):
        time.sleep(2)  # noqa: TID251 - until the warm-up has settled
        return ready_s, sum(_resident_mib(one) for one in _family(pid))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print every figure of the server."""
    pin(LOAD_CORE)
    print(describe())
    note("yardstick ...")
    yardstick = median([uvloop.run(bare()) for _ in range(RUNS)])
    say("a bare ASGI application, requests per second", f"{yardstick:,.0f}")
    note("submissions ...")
    accepted = [uvloop.run(submissions()) for _ in range(RUNS)]
    rate = median([a for a, _ in accepted])
    say("jobs accepted per second", f"{rate:,.0f}", ">= 5,000")
    say("  as a share of the yardstick", f"{rate / yardstick:.2f}")
    say("  p99 of a submission at 2,500/s", f"{median([b for _, b in accepted]):.1f} ms", "<= 20")
    note("end to end ...")
    rate = median([uvloop.run(end_to_end()).per_s for _ in range(RUNS)])
    say("jobs end to end per second", f"{rate:,.0f}", ">= 4,000")
    say("  as a share of the yardstick", f"{rate / yardstick:.2f}")
    note("lag ...")
    lags = [uvloop.run(lag()) for _ in range(RUNS)]
    say("p99 from terminal status to receipt at 500/s", f"{median(lags):.1f} ms", "<= 10")
    note("at rest ...")
    rests = [at_rest() for _ in range(RUNS)]
    say("ready after", f"{median([a for a, _ in rests]):.2f} s", "<= 1.0")
    say("resident when idle, all processes", f"{median([b for _, b in rests]):.0f} MiB", "<= 120")


if __name__ == "__main__":
    main()
