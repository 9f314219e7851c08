"""The simulated world: one machine, two server processes on one database, receivers, and time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import structlog

from ringback.jobs.admission import Limits
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.delivery.dispatcher import DispatchSettings
from ringback.webhooks.schedule import SCHEDULE_S
from tests.sim.books import DeliverySeen
from tests.sim.disk import SECRET, WORKSPACES, Disk, fresh_directory
from tests.sim.ledger import Ledger, Violation
from tests.sim.loop import SimClock, VirtualTime
from tests.sim.network import Known, Network
from tests.sim.process import Machine, Process, Shape

HOSTS = ("shared", *(f"{name}-{number}" for name in WORKSPACES for number in (1, 2)))
OPERATOR_URL = "https://operator.example/hook"
_TURNS_MAX = 50_000  # in one go; more is a loop that never waits
_SHORT_SCHEDULE_S = (0.0, 5.0, 60.0, 3600.0)


class World:
    """What a scenario acts on; it checks the ledger at every turn."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.rng = Random(seed)
        self.time = VirtualTime()
        clock = SimClock(self.time)
        shape = _shape(self.rng)
        self.ledger = Ledger(
            self.time,
            schedule_s=shape.dispatch.schedule_s,
            lease_ms=int(shape.dispatch.lease_s * 1000),
        )
        self.ledger.justified = self._justified
        self.network = Network(
            self.rng,
            self.time,
            self.ledger,
            origins=[f"https://{host}.example:443" for host in (*HOSTS, "operator")],
            timeout_s=shape.dispatch.timeout_s,
        )
        for name in WORKSPACES:
            self.network.secrets[f"workspace:{name}"] = [Known(SECRET)]
        self.disk = Disk(self.rng)
        self.machine = Machine(
            time=self.time,
            clock=clock,
            disk=self.disk,
            directory=directory,
            network=self.network,
            ledger=self.ledger,
            rng=self.rng,
            shape=shape,
        )
        self.processes: dict[str, Process] = {}
        self.trace: list[str] = []
        self.doing = "the beginning"

    def say(self, what: str) -> None:
        """Note the step, for readers of the trace."""
        self.doing = what
        self.trace.append(f"{self.time.now_s:14.3f}  {what}")

    def run(self, seconds: float) -> None:
        """Let the processes that are not paused live for so long."""
        until_s = self.time.now_s + seconds
        turns = 0
        while (process := self._next(until_s)) is not None:
            process.loop.turn()
            turns += 1
            self.check(process)
            if turns > _TURNS_MAX:
                self.fail(f"process {process.name} never waits")
        self.time.now_s = until_s

    def jump(self, seconds: float) -> None:
        """Let time pass while nothing runs, as on a machine that is suspended."""
        self.time.now_s += seconds

    def _next(self, until_s: float) -> Process | None:
        """Return whose turn it is, and move time on to it."""
        now_s = first_s = self.time.now_s
        first: list[Process] = []
        for process in self.processes.values():
            if process.is_paused or (at_s := process.loop.next_at()) is None:
                continue
            at_s = max(at_s, now_s)
            if not first or at_s < first_s:
                first, first_s = [process], at_s
            elif at_s == first_s:
                first.append(process)
        if not first or first_s > until_s:
            return None
        self.time.now_s = first_s
        return first[0] if len(first) == 1 else self.rng.choice(first)

    def check(self, process: Process | None = None) -> None:
        """Raise ``Violation`` if anything is wrong."""
        if process is not None and process.loop.broken:
            self.fail(f"process {process.name} broke: {process.loop.broken[0]}")
        if self.ledger.wrong:
            self.fail("; ".join(self.ledger.wrong))

    def fail(self, sentence: str) -> None:
        """Raise ``Violation``, with what was done last."""
        raise Violation(f"{sentence} (at {self.time.now_s:.3f} s, after {self.doing})")

    # processes

    def begin(self, name: str) -> None:
        """Start a process; it takes everything over if it is alone."""
        self.processes[name] = Process(
            name, self.machine, alone=lambda: list(self.processes) == [name]
        )

    def kill(self, name: str) -> None:
        """Kill a process."""
        self.processes.pop(name).kill()

    def awake(self) -> list[Process]:
        """Return the processes that do something."""
        return [process for process in self.processes.values() if not process.is_paused]

    def close(self) -> None:
        """Kill what is left."""
        for name in list(self.processes):
            self.kill(name)

    def _justified(self, id_: str, delivery: DeliverySeen, status: str) -> str | None:
        seen = self.network.seen.get(id_)
        if status == "delivered" and (seen is None or not seen.accepted_count):
            return "no receiver took it"
        if status == "discarded" and (seen is None or not seen.gone_count):
            return "no receiver said 410"
        return None


@contextmanager
def a_world(seed: int) -> Iterator[World]:
    """Return a world of its own, for the time of the context."""
    with fresh_directory() as directory:
        world = World(seed, directory)
        with _heard(world.ledger):
            try:
                yield world
            finally:
                world.close()


@contextmanager
def _heard(ledger: Ledger) -> Iterator[None]:
    """Take every log line that says that something broke as what it is."""
    before = structlog.get_config()

    def hear(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
        event = entry["event"]
        if event.endswith("_broke"):
            ledger.fail(f"{event}: {sys.exc_info()[1]!r}")
        ledger.seen[event] += 1
        raise structlog.DropEvent

    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _shape(rng: Random) -> Shape:
    each = rng.randint(1, 3)
    return Shape(
        dispatch=DispatchSettings(
            concurrency=rng.randint(2, 8),
            concurrency_per_destination=each,
            rate=rng.choice((0.0, 0.0, 10.0)),
            rate_per_destination=rng.choice((0.0, 0.0, 4.0)),
            timeout_s=3.0,
            schedule_s=rng.choice((_SHORT_SCHEDULE_S, _SHORT_SCHEDULE_S, SCHEDULE_S)),
            breaker=BreakerSettings(failures_max=3, pause_s=5.0, pause_s_max=60.0, flight_max=each),
        ),
        limits=Limits(active_max=rng.randint(2, 4), backlog_max=rng.randint(0, 6)),
        concurrency=rng.randint(1, 4),
        operator_url=rng.choice((None, OPERATOR_URL)),
    )
