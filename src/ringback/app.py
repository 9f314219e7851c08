"""The composition root: the only module that names concrete adapters and starts a server."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from random import Random

import uvloop

from ringback.api.app import ApiDeps, create_api
from ringback.api.lab import AskedFaults
from ringback.artifacts.local import LocalArtifacts
from ringback.assembly import (
    dispatching_for,
    operator_signing_for,
    policy_for,
    proxy_for,
    script_for,
)
from ringback.catalogue.catalogue import Catalogue
from ringback.chores import ChoreRunner
from ringback.clock import Clock, SystemClock
from ringback.dashboard.app import create_dashboard
from ringback.dashboard.deps import DashboardDeps
from ringback.disk import DiskGuard
from ringback.doorbell import Bells
from ringback.egress.fetch import Fetcher, FetcherSettings
from ringback.egress.policy import TargetPolicy
from ringback.egress.sender import Sender, SenderSettings
from ringback.engines.contract import Engine, EngineRequest
from ringback.engines.faulty import FaultyEngine
from ringback.engines.null import NullEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.errors import StorageFull
from ringback.http_server import Stopping, http_server, listen, stopping_by_signals
from ringback.ids import Ids
from ringback.inbox import Inbox
from ringback.janitor import Janitor
from ringback.jobs.admission import Limits
from ringback.lab.clock import LabClock
from ringback.lab.stepping import Stepping, kept_ahead_ms
from ringback.log import configure, get_logger
from ringback.loops import Loops
from ringback.pruner import Pruner
from ringback.retention import Retention
from ringback.service import Service
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import DeliveryDesk
from ringback.service.endpoints import EndpointDesk
from ringback.service.feed import EventFeed
from ringback.service.secrets import KeyDesk
from ringback.service.tokens import TokenDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.storage.sqlite import Mint, SqliteStore
from ringback.webhooks.courier import Courier
from ringback.webhooks.dispatcher import Dispatcher
from ringback.webhooks.explanation import Caps
from ringback.webhooks.faulty import FaultyCarrier
from ringback.webhooks.master_key import load_master_keys
from ringback.webhooks.rotation import workspace_owner
from ringback.webhooks.sealing import Sealer, is_sealed
from ringback.webhooks.signing import SigningBook
from ringback.worker import Slot, Worker

log = get_logger(__name__)

DEV_WORKSPACE = "dev"
_NULL_CONCURRENCY = 512  # its jobs cost nothing but their bookkeeping
# A stopping server's time: first requests end, then work does; the rest is for giving back.
_GRACE_FOR_REQUESTS = 0.25
_GRACE_FOR_WORK = 0.65
_SKETCH_WAITING = 8  # jobs that may fetch their inputs while others are drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server that is ready can be reached."""

    url: str
    dev_secret: str | None  # what signs the webhooks of the workspace "dev", in dev alone


def run(
    settings: Settings,
    *,
    on_ready: Callable[[Address], None],
    origins: Mapping[str, str] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; raises ``SetupError`` if it cannot start."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    configure(level=settings.log_level, as_json=as_json)
    # The thread that commits needs the interpreter's lock to say so: it shall not wait long for it.
    sys.setswitchinterval(0.0005)
    # Nearly everything made per job is freed by counting; looking for cycles often costs 6 %.
    gc.set_threshold(20_000, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve(settings, on_ready=lambda _app, address: on_ready(address), origins=origins)
        )


@asynccontextmanager
async def open_store(settings: Settings, *, exclusive: bool) -> AsyncIterator[Store]:
    """Open the settings' store for the time of the context, or raise ``SetupError``."""
    clock = SystemClock()
    mint = Mint(new_id=_ids(clock).uuid7, operator_url=settings.operator_webhook_url)
    store = await SqliteStore.open(settings.data, exclusive=exclusive, mint=mint)
    try:
        yield store
    finally:
        await store.close()


async def check_master_key(settings: Settings, store: Store) -> None:
    """Raise ``SetupError`` unless the master key is here that sealed what there is.

    Another one would be made, or seal new secrets, and the two would not open together again.
    """
    for owner, key in await store.all_keys():
        if is_sealed(key.sealed):
            _sealer(settings, may_make=False).unseal(key.sealed, owner=owner)
            return


async def key_desk(settings: Settings, store: Store) -> KeyDesk:
    """Return the verbs on the store's signing keys, or raise ``SetupError``."""
    await check_master_key(settings, store)
    clock = SystemClock()
    return KeyDesk(store, _sealer(settings), clock=clock, ids=_ids(clock))


def _sealer(settings: Settings, *, may_make: bool = True) -> Sealer:
    # Not a setting: those are shown, and may stand in a file beside the data.
    text = os.environ.get("RINGBACK_MASTER_KEY")
    keys = load_master_keys(text, directory=settings.data, may_make=may_make)
    return Sealer(keys)


def delivery_desk(
    settings: Settings, store: Store, bells: Bells, clock: Clock | None = None
) -> DeliveryDesk:
    """Return the verbs on the store's deliveries."""
    caps = Caps(
        concurrency=settings.webhook_concurrency,
        concurrency_per_destination=settings.webhook_concurrency_per_destination,
        rate=settings.webhook_rate,
        rate_per_destination=settings.webhook_rate_per_destination,
    )
    return DeliveryDesk(store, clock=clock or SystemClock(), bells=bells, caps=caps)


def chore_desk(store: Store) -> ChoreDesk:
    """Return the verbs on the store's chores."""
    clock = SystemClock()
    return ChoreDesk(store, clock=clock, ids=_ids(clock))


class App:
    """Every part of a server, put together on one store."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        listening: tuple[str, int],
        origins: Mapping[str, str] | None = None,
    ) -> None:
        # Made before anything else: in dev, all of it lives in a time that can be moved.
        lab_clock = LabClock(ahead_ms=kept_ahead_ms(settings.data))
        clock: Clock = lab_clock if settings.is_dev else SystemClock()
        bells = Bells()
        artifacts = self._artifacts = LocalArtifacts(settings.data / "artifacts")
        policy = policy_for(settings, listening)
        ids = _ids(clock)
        sealer = _sealer(settings)
        self.keys = KeyDesk(store, sealer, clock=clock, ids=ids)
        proxy = proxy_for(settings)
        self.settings = settings
        self.store = store
        self._clock = clock
        self._started_ms = clock.now_ms()
        self.service = Service(
            store,
            clock=clock,
            ids=ids,
            limits=Limits(active_max=settings.active_max, backlog_max=settings.backlog_max),
            bells=bells,
            room_for_work=DiskGuard(settings, clock).check,
        )
        sending = SenderSettings(
            total_timeout_s=settings.webhook_timeout_s,
            connect_timeout_s=settings.webhook_connect_timeout_s,
            dns_timeout_s=settings.webhook_dns_timeout_s,
            egress_proxy=proxy,
        )
        self.sender = Sender(policy, settings=sending)
        # The operator's own URL is the operator's to judge: it may well be a private address.
        self.operator_sender = Sender(TargetPolicy.operator(), settings=sending)
        self.fetcher = Fetcher(policy, settings=FetcherSettings(egress_proxy=proxy), clock=clock)
        self.sketch = SketchEngine(processes=settings.sketch_processes)
        engines: dict[str, tuple[Engine, int]] = {
            "sketch": (self.sketch, settings.sketch_processes + _SKETCH_WAITING),
            "null": (NullEngine(), _NULL_CONCURRENCY),
        }
        if settings.is_dev:
            engines = {
                name: (FaultyEngine(engine, clock=clock, cancel=self._cancel), concurrency)
                for name, (engine, concurrency) in engines.items()
            }
        self.worker = Worker(
            self.service,
            slots={
                name: Slot(engine=engine, concurrency=concurrency)
                for name, (engine, concurrency) in engines.items()
            },
            artifacts=artifacts,
            fetch=self.fetcher.get,
            clock=clock,
            bells=bells,
            worker_id=f"{socket.gethostname()}-{os.getpid()}",
            lease_s=settings.lease_s,
            job_timeout_s=settings.job_timeout_s,
        )
        courier = Courier(
            self.sender,
            SigningBook(
                store, store, unsealer=sealer, clock=clock, operator=operator_signing_for(settings)
            ),
            operator_sender=self.operator_sender,
        )
        self.dispatcher = Dispatcher(
            store,
            FaultyCarrier(courier, lab_clock) if settings.is_dev else courier,
            clock=clock,
            rng=Random(),
            bells=bells,
            settings=dispatching_for(settings),
        )
        self.pruner = Pruner(
            store,
            store,
            artifacts=artifacts,
            retention=Retention(
                answers_days=settings.retention_answers_days,
                attempts_days=settings.retention_attempts_days,
                days=settings.retention_days,
            ),
            clock=clock,
        )
        self.chores = ChoreRunner(store, clock=clock, bells=bells)
        self.faults = AskedFaults(script_for(settings)) if settings.is_dev else None
        self.stepping = self._stepping(lab_clock) if settings.is_dev else None
        self.answering = asyncio.Event()
        self.loops = Loops(clock)
        self._rescued = asyncio.Event()  # what a predecessor held is free again
        self.janitor = Janitor(
            self.service, store, clock=clock, bells=bells, is_held=self.worker.holds
        )
        tokens = TokenDesk(store, clock=clock)
        endpoints = EndpointDesk(
            store,
            store,
            self.keys,
            clock=clock,
            ids=ids,
            bells=bells,
            endpoints_max=settings.endpoints_max,
            overlap_s=settings.secret_overlap_s,
        )
        self.inbox = Inbox(self.keys, endpoints, SystemClock()) if settings.is_dev else None
        deps = ApiDeps(
            service=self.service,
            deliveries=delivery_desk(settings, store, bells, clock),
            feed=EventFeed(store, self.service, clock=clock, bells=bells),
            endpoints=endpoints,
            chores=ChoreDesk(store, clock=clock, ids=ids),
            catalogue=Catalogue.load(),
            policy=policy,
            artifacts=artifacts,
            workspaces=store,
            keys=self.keys,
            settings=settings,
            clock=clock,
            broken_loops=self.loops.broken,
            lab=self.stepping,
            faults=self.faults,
        )
        if settings.dashboard:
            seen = DashboardDeps(
                api=deps, seals=sealer, tokens=tokens, inbox=self.inbox, origins=origins or {}
            )
            deps = replace(deps, pages=create_dashboard(seen))
        self.api = create_api(deps)

    async def open_dev_workspace(self) -> str:
        """Open the workspace of the emulator, and return the secret that signs its webhooks."""
        await self.keys.open_workspace(DEV_WORKSPACE)
        secrets_of_dev = await self.keys.secrets_of(workspace_owner(DEV_WORKSPACE))
        return secrets_of_dev[0]

    async def _cancel(self, request: EngineRequest) -> None:
        await self.service.cancel(request.job_id, workspace_id=request.workspace_id)

    def _stepping(self, clock: LabClock) -> Stepping:
        async def dispatch() -> int:
            before = self.dispatcher.attempts_count
            while await self.dispatcher.run_once() or self.dispatcher.is_busy:
                await self.dispatcher.settled()
            return self.dispatcher.attempts_count - before

        return Stepping(
            clock,
            next_due_ms=self.store.next_due_ms,
            dispatch=dispatch,
            directory=self.settings.data,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work and dispatch for the time of the context, then drain within the grace time."""
        with suppress(StorageFull):  # then they are sealed at the next start
            await self.keys.seal_all()
        self._sweep()
        self.loops.start("worker", self._work)
        self.loops.start("dispatcher", self._dispatch)
        self.loops.start("janitor", self._tidy)
        self.loops.start("chores", self.chores.run)
        self.loops.start("pruner", self.pruner.run)
        self.loops.start("warm-up", self._warm_up)
        try:
            yield
        finally:
            self.service.drain()
            await self._drain()
            await self.loops.stop()
            await self.sketch.close()
            await self.sender.close()
            await self.operator_sender.close()
            self.fetcher.close()

    def _sweep(self) -> None:
        """Delete what a killed predecessor left half written, before anybody writes anew."""
        swept = 0
        with suppress(OSError):  # it takes some room and does no other harm
            swept = self._artifacts.sweep(before_ms=self._started_ms)
        if swept:
            log.info("artifacts_swept", count=swept)

    async def _work(self) -> None:
        await self._rescued.wait()
        await self.worker.run()

    async def _dispatch(self) -> None:
        await self._rescued.wait()
        await self.dispatcher.run()

    async def _tidy(self) -> None:
        """Free what a dead predecessor held, before anybody claims anew; then look after leases."""
        if not self._rescued.is_set():
            await self.janitor.rescue_all_in_time()
            self._rescued.set()
        await self.janitor.run()

    async def _warm_up(self) -> None:
        """Start the drawing process, once the server answers: its start-up takes a whole core."""
        await self.answering.wait()
        await self.sketch.warm()

    async def _drain(self) -> None:
        """Let jobs finish, then deliveries, in the grace time; the rest is given back."""
        grace_s = self.settings.grace_s * _GRACE_FOR_WORK
        deadline = self._clock.monotonic() + grace_s
        await self.worker.drain(grace_s * 0.6)
        await self.dispatcher.drain(max(0.0, deadline - self._clock.monotonic()))


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[App, Address], None],
    stopping: Stopping = stopping_by_signals,
    warm: bool = True,
    origins: Mapping[str, str] | None = None,
) -> None:
    """Serve in this event loop until ``stopping`` says so, then drain.

    ``warm`` starts the drawing process before the first job asks for it. Raises ``SetupError``
    when the server cannot start.
    """
    with listen(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        async with open_store(settings, exclusive=True) as store:
            await check_master_key(settings, store)
            app = App(settings, store, listening=(host, port), origins=origins)
            dev_secret = await app.open_dev_workspace() if settings.is_dev else None
            address = Address(
                url=settings.public_url or f"http://{shown}:{port}", dev_secret=dev_secret
            )

            def ready() -> None:
                on_ready(app, address)
                if warm:
                    app.answering.set()

            server = http_server(
                app.api, on_ready=ready, grace_s=settings.grace_s * _GRACE_FOR_REQUESTS
            )
            # Beside the server's own port, so that its URL is the same after a restart.
            inbox = app.inbox.listening(port=port + 1) if app.inbox else nullcontext()
            async with app.working(), inbox:
                with stopping(server, app.service.drain):
                    await server.serve(sockets=[listener])


def _ids(clock: Clock) -> Ids:
    # Ids are names, not secrets: a fast generator will do.
    return Ids(clock.now_ms, Random(secrets.randbits(256)).getrandbits)
