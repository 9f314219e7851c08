"""One simulated server process: every real part of a server, on the shared database."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.errors import EngineError, EngineProcessDied, StorageFull
from ringback.files.artifacts.contract import LinkMethod, StoredArtifact
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.maintenance.periodic import Periodic
from ringback.maintenance.rescuer import Rescuer
from ringback.service import JobService
from ringback.service.secrets import SigningKeyService
from ringback.storage.sqlite import IdFactory
from ringback.testing import FakeFetcher
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import Dispatcher, DispatchSettings
from ringback.webhooks.delivery.signed_attempt import AttemptResult, SignedSender
from ringback.webhooks.delivery.signers import SignerCache, Signing
from ringback.webhooks.events import INTERIM_EVENTS
from ringback.webhooks.model import Delivery
from ringback.webhooks.schedule import RETRY_AFTER_S_MAX
from ringback.wire.signature import Signer
from ringback.worker import Slot, Worker
from tests.builders import PlainSeals
from tests.sim.disk import Disk, SimCommits
from tests.sim.ledger import Ledger
from tests.sim.loop import SimClock, SimLoop, VirtualTime
from tests.sim.network import Network
from tests.sim.store import SimStore

_SAME_S = 1e-6  # instants that differ by less are one


class Shape(Struct, frozen=True, kw_only=True):
    """How the simulated servers of one seed are set up."""

    dispatch: DispatchSettings
    limits: Limits
    concurrency: int
    operator_url: str | None
    lease_s: float = 5.0
    job_timeout_s: float = 20.0


class Machine(Struct, frozen=True, kw_only=True):
    """What every process of the simulated machine shares."""

    time: VirtualTime
    clock: SimClock
    disk: Disk
    directory: Path
    network: Network
    ledger: Ledger
    rng: Random
    shape: Shape


class Process:
    """A server that can be killed, stopped for a while, and drained."""

    def __init__(self, name: str, machine: Machine, *, alone: Callable[[], bool]) -> None:
        self.name = name
        self.is_paused = False
        self.loop = SimLoop(machine.time)  # type: ignore[abstract]  # what is not used raises
        self._machine = machine
        rng = Random(machine.rng.getrandbits(64))
        shape, clock = machine.shape, machine.clock
        ids = Ids(clock.now_ms, rng.getrandbits)
        self.wakeups = Wakeups()
        self.ids = ids
        with self.loop.running():
            self.store = self._open(ids)
            self.service = JobService(
                self.store, clock=clock, ids=ids, limits=shape.limits, wakeups=self.wakeups
            )
            self.keys = SigningKeyService(self.store, PlainSeals(), clock=clock, ids=ids)
            self.worker = Worker(
                self.service,
                slots={"null": Slot(engine=SimEngine(rng, clock), concurrency=shape.concurrency)},
                artifacts=NoArtifacts(),
                fetcher=FakeFetcher(),
                clock=clock,
                wakeups=self.wakeups,
                worker_id=name,
                lease_s=shape.lease_s,
                job_timeout_s=shape.job_timeout_s,
            )
            self.dispatcher = Dispatcher(
                self.store,
                SimAttempter(self._sender(), machine, self.store),
                clock=clock,
                rng=rng,
                wakeups=self.wakeups,
                settings=shape.dispatch,
            )
            self.rescuer = Rescuer(self.service, self.store, clock=clock, wakeups=self.wakeups)
        self.start(self._serve(alone)).add_done_callback(self._ended)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something in this process."""
        return self.loop.create_task(work)

    def pause(self) -> None:
        """Stop as by SIGSTOP; a commit that the disk was busy with is made, and not heard of."""
        self.is_paused = True
        self.store.commits.finish()

    def kill(self) -> None:
        """Let nothing be left but what is committed."""
        self.loop.end()
        self.store.vanish()

    async def drain(self) -> None:
        """Stop in good order, as SIGTERM makes a server do."""
        self.service.drain()
        await self.worker.drain(1.0)
        await self.dispatcher.drain(1.0)

    async def _serve(self, alone: Callable[[], bool]) -> None:
        while alone():
            try:
                await self.rescuer.rescue_all()
                break
            except StorageFull:  # a server that cannot start is started again
                await self._machine.clock.sleep(1.0)
        rescues = Periodic("rescuer", self.rescuer.step, every_s=1.0, clock=self._machine.clock)
        for run in (self.worker.run, self.dispatcher.run, rescues.run):
            self.start(self._keep_up(run)).add_done_callback(self._ended)

    async def _keep_up(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin a loop again that found no room, as a server does."""
        while True:
            try:
                return await run()
            except StorageFull:
                await self._machine.clock.sleep(1.0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if (exc := task.exception()) is not None:
            self._machine.ledger.fail(f"a loop of process {self.name} broke: {exc!r}")

    def _open(self, ids: Ids) -> SimStore:
        machine = self._machine
        opening = SimStore.open(
            machine.directory,
            exclusive=False,  # they share it, which two real servers may not
            id_factory=IdFactory(new_id=ids.uuid7, operator_url=machine.shape.operator_url),
            make_commits=partial(SimCommits, disk=machine.disk, committed=machine.ledger.committed),
        )
        try:
            opening.send(None)
        except StopIteration as opened:
            store: SimStore = opened.value
            store.watch(machine.ledger)
            return store
        raise AssertionError("opening a store waits for nothing")

    def _sender(self) -> SignedSender:
        operator = Signing(signers=(Signer("whsec_AAAA"),))
        book = SignerCache(
            self.store,
            self.store,
            unsealer=PlainSeals(),
            clock=self._machine.clock,
            operator=operator,
        )
        return SignedSender(self._machine.network, book)


class SimAttempter:
    """The real sender, watched: how many at once, how many a second, and none too early."""

    def __init__(self, sender: SignedSender, machine: Machine, store: SimStore) -> None:
        self._sender = sender
        self._machine = machine
        self._store = store
        self._flying: Counter[int] = Counter()
        self._flying_of: Counter[str] = Counter()
        self._lately: deque[float] = deque()

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult:
        """Carry one attempt."""
        self._check(delivery)
        self._flying[delivery.destination_id] += 1
        self._flying_of[delivery.workspace_id] += 1
        try:
            self._check_crowd(delivery)
            attempted = await self._sender.attempt(delivery, now_ms=now_ms)
        finally:
            self._flying[delivery.destination_id] -= 1
            self._flying_of[delivery.workspace_id] -= 1
        self._note(delivery, attempted)
        return attempted

    def _check(self, delivery: Delivery) -> None:
        ledger = self._machine.ledger
        ledger.attempted(delivery.delivery_id, delivery.epoch)
        if delivery.event in INTERIM_EVENTS and ledger.is_over(delivery.job_id):
            ledger.fail(f"{delivery.event} of job {delivery.job_id} was sent after its end")

    def _check_crowd(self, delivery: Delivery) -> None:
        ledger, settings = self._machine.ledger, self._machine.shape.dispatch
        each = self._flying[delivery.destination_id]
        if each > settings.concurrency_per_destination:
            ledger.fail(f"{each} attempts at once to {delivery.destination}")
        if (total := self._flying.total()) > settings.concurrency + settings.queue_settings.reserve:
            ledger.fail(f"{total} attempts at once")
        if (own := self._flying_of[delivery.workspace_id]) > settings.concurrency:
            ledger.fail(f"{own} attempts at once of {delivery.workspace_id}")
        if settings.rate:
            now_s = self._machine.time.now_s
            self._lately.append(now_s)
            while self._lately[0] <= now_s - 1 + _SAME_S:
                self._lately.popleft()
            if len(self._lately) > settings.rate:
                ledger.fail(f"{len(self._lately)} attempts within a second")

    def _note(self, delivery: Delivery, attempted: AttemptResult) -> None:
        wall_ms = self._machine.time.wall_ms()
        wait_s = retry_after_header(attempted)
        if wait_s is not None:
            not_before_ms = wall_ms + round(1000 * min(wait_s, RETRY_AFTER_S_MAX))
            self._store.not_before_ms[delivery.delivery_id, delivery.epoch] = not_before_ms


def retry_after_header(attempted: AttemptResult) -> float | None:
    """Return the seconds that a simulated receiver asked for."""
    value = attempted.answer.header(b"retry-after")
    return None if value is None else float(value)


class SimEngine:
    """Takes its time, shows how far it is, and sometimes cannot."""

    name = "null"

    def __init__(self, rng: Random, clock: SimClock) -> None:
        self._rng = rng
        self._clock = clock

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Make nothing, in a while."""
        rng = self._rng
        for step in range(rng.randint(0, 1)):
            await self._clock.sleep(rng.uniform(0.0, 0.5))
            await io.progress((step + 1) / 2)
        if rng.random() < 0.1:
            await io.preview(await io.save(b"", media_type="image/png"))
        fate = rng.random()
        await self._clock.sleep(60.0 if fate < 0.02 else rng.uniform(0.0, 0.3))
        if fate > 0.9:
            raise EngineError("It cannot be drawn.")
        if fate > 0.85:
            raise EngineProcessDied
        return Made(artifacts=("a.png",))

    async def close(self) -> None:
        """Nothing is held."""


class NoArtifacts:
    """Keeps nothing."""

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Return a name."""
        return "a.png"

    async def put(self, name: str, content: bytes | Path) -> None:
        """Keep nothing."""

    @property
    def link_origin(self) -> str | None:
        return None

    async def delete(self, name: str) -> None:
        """Delete nothing."""

    async def find(self, name: str) -> StoredArtifact | None:
        """Find nothing."""
        return None

    async def find_by_stem(self, stem: str) -> StoredArtifact | None:
        """Find nothing."""
        return None

    async def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield nothing."""
        for _ in range(0):
            yield b""

    async def link(self, artifact: StoredArtifact, *, method: LinkMethod = "GET") -> str | None:
        """Link to nothing."""
        return None

    async def sweep(self, *, before_ms: int) -> int:
        """Delete nothing."""
        return 0

    async def check(self) -> None:
        """Find nothing wrong."""
