"""A seed's story: some hundred steps of mischief, then peace, and the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256

import apsw

from ringback.storage.sqlite.database_files import DATABASE
from tests.sim.client import Clients
from tests.sim.ledger import Violation
from tests.sim.process import Process
from tests.sim.world import World, a_world

STEPS = 300
_LOOKS_MAX = 1_500  # at a world in peace, before it must be quiet
_DAY_S = 86_400.0


class Scenario:
    """Takes steps that the seed chooses."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self.clients = Clients(world)
        self._ways: list[Callable[[], str]] = []
        weights: list[tuple[Callable[[], str], int]] = [
            (self._request(self.clients.submit), 14),
            (self._request(self.clients.repeat), 4),
            (self._request(self.clients.cancel), 4),
            (self._request(self.clients.tell), 5),
            (self._request(self.clients.redeliver), 4),
            (self._request(self.clients.cancel_delivery), 2),
            (self._request(self.clients.change_endpoints), 4),
            (self._request(self.clients.rotate), 1),
            (self._wait, 20),
            (self._wait_long, 2),
            (self._suspend, 4),
            (self._suspend_until_due, 8),
            (self._set_clock, 1),
            (self._weather, 9),
            (self._disk, 3),
            (self._kill, 3),
            (self._drain, 1),
            (self._begin, 5),
            (self._pause, 4),
            (self._resume, 8),
        ]
        for way, weight in weights:
            self._ways += [way] * weight

    def step(self) -> None:
        """Take one step, and let a little time pass."""
        world = self._world
        world.say(self._rng.choice(self._ways)())
        world.check()
        world.run(self._rng.random() * 0.02)

    def _request(self, operation: Callable[[Process], str]) -> Callable[[], str]:
        def step() -> str:
            awake = self._world.awake()
            if awake:
                return operation(self._rng.choice(awake))
            return self._resume() if self._world.processes else self._begin()

        return step

    # time

    def _wait(self) -> str:
        seconds = self._rng.random() ** 2 * 0.5
        self._world.run(seconds)
        return f"waited {seconds:.3f} s"

    def _wait_long(self) -> str:
        seconds = self._rng.uniform(0.5, 2.5)
        self._world.run(seconds)
        return f"waited {seconds:.3f} s"

    def _suspend(self) -> str:
        seconds = self._rng.choice((1.0, 7.0, 20.0, 300.0, 7200.0, _DAY_S)) * self._rng.random()
        self._world.jump(seconds)
        return f"the machine slept for {seconds:.3f} s"

    def _suspend_until_due(self) -> str:
        seconds = self._due_in_s()
        if seconds is None:
            return "nothing will be due"
        self._world.jump(seconds)
        return f"the machine slept until something was due, for {seconds:.3f} s"

    def _due_in_s(self) -> float | None:
        """Return how long until a delivery is due, or a lease over."""
        for process in self._world.processes.values():
            rows = process.store._reader.execute(_NEXT).fetchall()
            at_ms = rows[0][0]
            if at_ms is None:
                return None
            assert isinstance(at_ms, int)
            return max(0.0, (at_ms - self._world.time.wall_ms()) / 1000 + 0.001)
        return None

    def _set_clock(self) -> str:
        by_ms = round(self._rng.choice((1, 60, 3600, 30 * 3600)) * 1000 * self._rng.uniform(-1, 1))
        self._world.time.set_wall(by_ms)
        return f"the wall clock was set by {by_ms} ms"

    # faults

    def _weather(self) -> str:
        return self._world.network.change()

    def _disk(self) -> str:
        disk = self._world.disk
        disk.slow_s = self._rng.choice((0.0, 0.0, 0.05, 0.4))
        disk.is_full = self._rng.random() < 0.3
        return f"the disk is {'full' if disk.is_full else 'not full'}, slow by {disk.slow_s} s"

    def _kill(self) -> str:
        names = list(self._world.processes)
        if not names:
            return "nobody to kill"
        name = self._rng.choice(names)
        self._world.kill(name)
        return f"killed {name}"

    def _drain(self) -> str:
        awake = self._world.awake()
        if not awake or self._world.disk.is_full:
            return "nobody to stop"
        process = self._rng.choice(awake)
        stopping = process.start(process.drain())
        for _ in range(200):
            self._world.run(0.05)
            if stopping.done():
                break
        else:
            self._world.fail(f"process {process.name} does not stop")
        stopping.result()
        self._world.kill(process.name)
        return f"stopped {process.name} in good order"

    def _begin(self) -> str:
        down = [name for name in ("A", "B") if name not in self._world.processes]
        # Mostly one server; a second one stands for every other holder of leases.
        if not down or (len(down) == 1 and self._rng.random() < 0.6):
            return "nobody to begin"
        name = self._rng.choice(down)
        self._world.begin(name)
        return f"began {name}"

    def _pause(self) -> str:
        awake = self._world.awake()
        if not awake:
            return "nobody to pause"
        process = self._rng.choice(awake)
        process.pause()
        return f"paused {process.name}"

    def _resume(self) -> str:
        for process in self._world.processes.values():
            if process.is_paused:
                process.is_paused = False
                return f"{process.name} goes on"
        return "nobody is paused"

    # peace

    def finish(self) -> None:
        """Let everything be well until nothing is left to do, then look at the books."""
        world = self._world
        world.say("peace")
        world.network.heal()
        world.disk.slow_s, world.disk.is_full = 0.0, False
        for process in list(world.processes.values()):
            process.is_paused = False
        if len(world.processes) == 2:
            world.run(0.5)
            world.kill("B")
        if not world.processes:
            world.begin("A")
        (process,) = world.processes.values()
        world.run(0.1)
        self.clients.submit_to_all(process)
        world.run(0.2)
        for _ in range(_LOOKS_MAX):
            if not world.ledger.pending and not world.ledger.waiting:
                # What was asked for while the disk was slow may be written only now.
                world.run(1.0)
                if not world.ledger.pending and not world.ledger.waiting:
                    break
            self._advance()
        else:
            world.fail(
                f"never done: jobs {list(world.ledger.pending)}, "
                f"deliveries {list(world.ledger.waiting)}"
            )
        self._check_books(process)

    def _advance(self) -> None:
        """Let time pass to where something happens."""
        before = self._world.ledger.changes_count
        self._world.run(0.7)
        if self._world.ledger.changes_count > before:
            return
        # Nothing has happened for longer than any answer takes: the next event is far away.
        seconds = self._due_in_s()
        if seconds is not None:
            self._world.jump(seconds)

    def _check_books(self, process: Process) -> None:
        world = self._world
        for job_id in self.clients.acknowledged:
            if job_id not in world.ledger.jobs:
                world.fail(f"job {job_id} was acknowledged and is lost")
        for statement, what in _BOOKS:
            rows = process.store._reader.execute(statement).fetchall()
            if rows:
                world.fail(f"{what}: {rows}")
        world.check()


_NEXT = """
select min(at_ms) from (
    select min(max(next_due_at_ms, coalesce(open_until_ms, 0))) as at_ms from destinations
     where paused_at_ms is null
    union all select min(lease_until_ms) from deliveries where lease_until_ms is not null
    union all select min(lease_until_ms) from jobs where lease_until_ms is not null)
"""

_BOOKS = (
    (
        """select w.workspace_id, accepted_count, active_count, backlogged_count from workspaces w
            where accepted_count <> (select count(*) from jobs j
                                      where j.workspace_id = w.workspace_id)
               or active_count <> 0 or backlogged_count <> 0""",
        "accepted jobs are not the jobs there are",
    ),
    (
        """select w.workspace_id, owed_count from workspaces w
            where owed_count <> (select count(*) from deliveries d
                                  where d.workspace_id = w.workspace_id)""",
        "owed deliveries are not the deliveries there are",
    ),
    (
        """select delivery_id, attempts_count from deliveries d
            where attempts_count <> (select count(*) from attempts a
                                      where a.delivery_id = d.delivery_id)""",
        "attempts were counted that are not there",
    ),
    (
        """select job_id from jobs
            where completed_at_ms is null or result is null or lease_until_ms is not null""",
        "jobs are not over",
    ),
    (
        """select delivery_id from deliveries
            where status = 'waiting' or lease_until_ms is not null or next_attempt_at_ms is not null
               or ended_at_ms is null""",
        "deliveries are not over",
    ),
)


class Outcome:
    """What came of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.violation: str | None = None
        self.trace: list[str] = []
        self.seen: Counter[str] = Counter()
        self.digest = ""


def run_seed(seed: int, *, steps: int = STEPS) -> Outcome:
    """Run a seed from its beginning to its books."""
    outcome = Outcome(seed)
    with a_world(seed) as world:
        outcome.trace = world.trace
        try:
            world.begin("A")
            scenario = Scenario(world)
            for _ in range(steps):
                scenario.step()
            scenario.finish()
        except Violation as exc:
            outcome.violation = str(exc)
        outcome.seen = world.ledger.seen + world.network.answers
        outcome.digest = _digest(world)
    return outcome


def _digest(world: World) -> str:
    """Return what a replay must have in common with the run that it replays."""
    connection = apsw.Connection(str(world.machine.directory / DATABASE))
    rows = connection.execute("select * from audit order by seq").fetchall()
    connection.close()
    return sha256(repr((rows, world.trace)).encode()).hexdigest()
