"""The costs of a misbehaving workspace to its neighbours: to their webhooks, uploads and pictures.

A real server process with the emulator's defaults serves "mallory", who misbehaves, and "alice"
and "bob", who each do one thing again and again. Each scenario measures alice and bob alone, then
beside mallory, from when a request was due to when its webhook, or its answer, was in hand. What
has not come when the scenario ends is undelivered, and counts with its age in the percentiles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

import uvloop

from bench.machine import describe, note, percentile
from bench.misbehaviour import HealthyReceiver, NameServer, slow_jpeg, small_png
from bench.neighbourhood import Neighbour, World
from bench.scenarios import SCENARIOS, Scenario
from bench.server import running
from ringback.settings import Settings

NEIGHBOURS = ("alice", "bob")
SHORT = ("hang-40", "hang-300", "silent-upload", "asset-url")
P99_RATIO_MAX = 2.0
P99_ALWAYS_FINE_S = 0.1
_SERVER = {
    # Mallory's whole burst is accepted; a stopped server does not wait for its receivers.
    "RINGBACK_BACKLOG_MAX": "100000",
    "RINGBACK_GRACE_S": "1",
    "RINGBACK_LOG_FORMAT": "json",
}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long the phases of a scenario last, in seconds, and how much mallory brings."""

    alone_s: float = 8.0
    beside_s: float = 30.0
    settle_s: float = 15.0  # at most, until what is under way has come
    jobs_count: int = 2_000


SHORT_TIMING = Timing(alone_s=1.0, beside_s=4.0, settle_s=20.0, jobs_count=1_000)


@dataclass(frozen=True, kw_only=True)
class Lags:
    """How long things took, and how many never came."""

    asked_count: int
    undelivered_count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of one scenario."""

    scenario: str
    skipped: str | None = None
    alone: Lags | None = None
    beside: Lags | None = None
    server_ended: int | None = None  # the exit status of a server that did not live through it

    @property
    def holds(self) -> bool:
        """Say whether the neighbours kept what they had."""
        if self.alone is None or self.beside is None:
            return self.skipped is not None
        p99_ms_max = max(P99_RATIO_MAX * self.alone.p99_ms, P99_ALWAYS_FINE_S * 1000)
        return (
            self.server_ended is None
            and self.beside.undelivered_count == 0
            and self.beside.p99_ms <= p99_ms_max
        )

    @property
    def verdict(self) -> str:
        """Return the verdict in a few words."""
        if self.skipped is not None:
            return f"skipped: {self.skipped}"
        if self.server_ended is not None:
            return f"FAILS: the server ended with {self.server_ended}"
        return "holds" if self.holds else "FAILS"


def lags_of(taken_s: Sequence[float | None], ages_s: Sequence[float]) -> Lags:
    """Return the figures of what came (None: it failed) and of what had not come at that age."""
    came = [one for one in taken_s if one is not None]
    known = sorted([*came, *ages_s]) or [float("inf")]
    return Lags(
        asked_count=len(taken_s) + len(ages_s),
        undelivered_count=len(taken_s) - len(came) + len(ages_s),
        p50_ms=percentile(known, 0.5) * 1000,
        p99_ms=percentile(known, 0.99) * 1000,
        max_ms=known[-1] * 1000,
    )


async def measured(
    world: World, neighbour: Neighbour, *, every_s: float, seconds: float, settle_s: float
) -> Lags:
    """Have alice and bob do their thing at a steady rate; return what became of it."""
    taken_s: list[float | None] = []
    under_way: dict[asyncio.Task[None], float] = {}

    async def one(who: str, due: float) -> None:
        try:
            await neighbour(world, who)
        except (OSError, RuntimeError) as exc:
            note(f"    {who}: {exc!r}")
            taken_s.append(None)
        else:
            taken_s.append(time.perf_counter() - due)

    started = time.perf_counter()
    for number in range(max(1, int(seconds / every_s))):
        due = started + number * every_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))  # noqa: TID251 - a real load
        for who in NEIGHBOURS:
            task = asyncio.create_task(one(who, due))
            under_way[task] = due
            task.add_done_callback(under_way.pop)
    if under_way:
        await asyncio.wait(list(under_way), timeout=settle_s)
    left = dict(under_way)
    ages_s = [time.perf_counter() - due for due in left.values()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return lags_of(taken_s, ages_s)


async def run(scenario: Scenario, timing: Timing, log: BinaryIO) -> Result:
    """Run one scenario on a server of its own."""
    if scenario.needs_names and "dns_servers" not in Settings.__struct_fields__:
        return Result(scenario=scenario.name, skipped="this server has no setting dns_servers")
    files = {"/small.png": small_png()}
    if scenario.needs_slow_jpeg:
        files["/slow.jpg"] = slow_jpeg()
    async with AsyncExitStack() as stack:
        environment = dict(_SERVER)
        has_names = "dns_servers" in Settings.__struct_fields__
        if has_names:
            names = await stack.enter_async_context(NameServer())
            environment["RINGBACK_DNS_SERVERS"] = f"127.0.0.1:{names.port}"
        receiver = HealthyReceiver(files)
        await stack.enter_async_context(receiver)
        server = stack.enter_context(running("-m", "ringback", environment=environment, errors=log))
        world = World(
            host=server.host,
            port=server.port,
            receiver=receiver,
            files=files,
            has_names=has_names,
            jobs_count=timing.jobs_count,
        )
        neighbour, every_s, settle_s = scenario.neighbour, scenario.every_s, timing.settle_s
        await measured(world, neighbour, every_s=0.5, seconds=1.0, settle_s=settle_s)  # warm
        alone = await measured(
            world, neighbour, every_s=every_s, seconds=timing.alone_s, settle_s=settle_s
        )
        async with scenario.mallory(world):
            beside = await measured(
                world, neighbour, every_s=every_s, seconds=timing.beside_s, settle_s=settle_s
            )
        ended = server.process.poll()
    return Result(scenario=scenario.name, alone=alone, beside=beside, server_ended=ended)


def table(results: Sequence[Result]) -> str:
    """Return the results as a table."""
    lines = [
        f"{'scenario':<18} {'alone, ms':>24} {'beside, ms':>27} {'not':>9}",
        f"{'':<18} {'p50':>8}{'p99':>8}{'max':>8} {'p50':>9}{'p99':>9}{'max':>9} "
        f"{'delivered':>9}   verdict",
    ]
    for one in results:
        line = f"{one.scenario:<18} "
        if one.alone is not None and one.beside is not None:
            a, b = one.alone, one.beside
            line += f"{a.p50_ms:>8.0f}{a.p99_ms:>8.0f}{a.max_ms:>8.0f} "
            line += f"{b.p50_ms:>9.0f}{b.p99_ms:>9.0f}{b.max_ms:>9.0f} "
            line += f"{b.undelivered_count:>4}/{b.asked_count:<4}   "
        lines.append(line + one.verdict)
    return "\n".join(lines)


def chosen(patterns: Sequence[str]) -> list[Scenario]:
    """Return the scenarios whose names these patterns match, or end with a sentence."""
    found = [one for one in SCENARIOS if any(fnmatchcase(one.name, p) for p in patterns)]
    for pattern in patterns:
        if not any(fnmatchcase(one.name, pattern) for one in found):
            known = ", ".join(one.name for one in SCENARIOS)
            sys.exit(f"There is no scenario {pattern}; choose from {known}.")
    return found


def main() -> None:
    """Measure, print, and end with status 1 if a scenario does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument(
        "--scenario", action="append", metavar="NAME", help="a name or pattern, like 'hang-*'"
    )
    parser.add_argument("--short", action="store_true", help=f"{', '.join(SHORT)} for seconds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--log", metavar="FILE", help="keep what the servers log in this file")
    arguments = parser.parse_args()
    timing = SHORT_TIMING if arguments.short else Timing()
    scenarios = chosen(arguments.scenario or (SHORT if arguments.short else ["*"]))
    results = []
    note(describe().partition(";")[0])
    with open(arguments.log, "ab") if arguments.log else tempfile.TemporaryFile() as log:
        for scenario in scenarios:
            note(f"{scenario.name} ...")
            results.append(uvloop.run(run(scenario, timing, log)))
            note(f"  {results[-1].verdict}")
    if arguments.json:
        print(json.dumps([{**asdict(one), "holds": one.holds} for one in results], indent=1))
    else:
        print(table(results))
    sys.exit(not all(one.holds for one in results))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
