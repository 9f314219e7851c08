"""One process: the roles that it has, put together on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from starlette.types import ASGIApp

from ringback.api.app import ApiDeps, create_api
from ringback.api.lab import AskedFaults
from ringback.api.parts import ApiParts
from ringback.app.dispatch import DispatcherRole
from ringback.app.ground import Ground
from ringback.app.upkeep import Upkeep
from ringback.app.work import WorkerRole
from ringback.assembly import asset_desk, dispatching_for, script_for, style_desk
from ringback.clock import Clock, SystemClock
from ringback.dashboard.app import create_dashboard
from ringback.dashboard.deps import DashboardDeps
from ringback.desks import delivery_desk
from ringback.doorbell import Bells
from ringback.inbox import Inbox
from ringback.jobs.model import Job
from ringback.lab.stepping import Stepping
from ringback.loops import Loops
from ringback.mcp.http import ToolRoute
from ringback.service import Service
from ringback.service.apps import AppDesk
from ringback.service.chores import ChoreDesk
from ringback.service.endpoints import EndpointDesk
from ringback.service.feed import EventFeed
from ringback.service.listeners import ListenerDesk
from ringback.service.listening import Listening
from ringback.service.secrets import KeyDesk
from ringback.service.tokens import TokenDesk
from ringback.service.usage import UsageDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.webhooks.dispatcher import Dispatcher
from ringback.webhooks.faulty import FaultyPacker
from ringback.webhooks.parcels import SignedPacker
from ringback.webhooks.rotation import workspace_owner

DEV_WORKSPACE = "dev"
_GRACE_FOR_WORK = 0.65  # of a stopping process's time; the rest is for requests and giving back
_GRACE_FOR_JOBS = 0.6  # of that


class App:
    """Every part of a process, put together on one store."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        listening: tuple[str, int] | None,
        bells: Bells | None = None,
        clock: Clock | None = None,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        ground = self.ground = Ground(
            settings, store, listening=listening, bells=bells, clock=clock
        )
        self.settings = settings
        self.store = store
        self.work = WorkerRole(ground) if "worker" in settings.roles else None
        self.dispatch = DispatcherRole(ground) if "dispatcher" in settings.roles else None
        self.endpoints = EndpointDesk(
            store,
            store,
            ground.keys,
            clock=ground.clock,
            ids=ground.ids,
            bells=ground.bells,
            endpoints_max=settings.endpoints_max,
            overlap_s=settings.secret_overlap_s,
        )
        lab_clock = ground.lab_clock
        self.listeners = ListenerDesk(
            store,
            self.endpoints,
            ground.book,
            SignedPacker(ground.clock) if lab_clock is None else FaultyPacker(lab_clock),
            clock=ground.clock,
            rng=Random(),
            bells=ground.bells,
            settings=dispatching_for(settings),
        )
        self.upkeep = Upkeep(ground, is_held=self._holds, also=self.listeners.disable_unheard)
        self.faults = AskedFaults(script_for(settings)) if settings.is_dev else None
        self.stepping = self._stepping()
        self.inbox = Inbox(ground.keys, self.endpoints, SystemClock()) if settings.is_dev else None
        self._origins = origins or {}
        self.api: ASGIApp | None = self._api() if "api" in settings.roles else None

    @property
    def service(self) -> Service:
        """The verbs on jobs."""
        return self.ground.service

    @property
    def keys(self) -> KeyDesk:
        """The verbs on signing keys."""
        return self.ground.keys

    @property
    def loops(self) -> Loops:
        """What runs for as long as the process works."""
        return self.ground.loops

    async def open_dev_workspace(self) -> str:
        """Open the workspace of the emulator, and return the secret that signs its webhooks."""
        await self.keys.open_workspace(DEV_WORKSPACE)
        secrets_of_dev = await self.keys.secrets_of(workspace_owner(DEV_WORKSPACE))
        return secrets_of_dev[0]

    def warm_up(self) -> None:
        """Let parts that are slow to start begin now."""
        if self.work is not None:
            self.work.answering.set()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do what the roles are for the time of the context, then drain within the grace time."""
        await self.upkeep.prepare()
        self.loops.start("roles", self._begin)
        try:
            yield
        finally:
            self.service.drain()
            await self._drain()
            await self.loops.stop()
            for role in (self.work, self.dispatch):
                if role is not None:
                    await role.close()
            self.ground.fetcher.close()
            self.ground.upstreams.close()

    async def _begin(self) -> None:
        if self.settings.is_alone:
            await self.upkeep.begin_alone()
        for role in (self.work, self.dispatch, self.upkeep):
            if role is not None:
                role.start()

    async def _drain(self) -> None:
        """Let jobs finish, then deliveries, in the grace time; the rest is given back."""
        clock = self.ground.clock
        grace_s = self.settings.grace_s * _GRACE_FOR_WORK
        deadline = clock.monotonic() + grace_s
        if self.work is not None:
            await self.work.worker.drain(grace_s * _GRACE_FOR_JOBS)
        if self.dispatch is not None:
            await self.dispatch.dispatcher.drain(max(0.0, deadline - clock.monotonic()))

    def _holds(self, job: Job) -> bool:
        return self.work is not None and self.work.worker.holds(job)

    def _api(self) -> ASGIApp:
        ground, settings, store = self.ground, self.settings, self.store
        clock, ids, bells = ground.clock, ground.ids, ground.bells
        deps = ApiDeps(
            service=ground.service,
            deliveries=delivery_desk(settings, store, bells, clock),
            feed=EventFeed(store, ground.service, clock=clock, bells=bells),
            endpoints=self.endpoints,
            listeners=self.listeners,
            listening=Listening(self.listeners, ground.service, clock=clock, bells=bells),
            chores=ChoreDesk(store, clock=clock, ids=ids),
            usage=UsageDesk(store, clock=clock),
            catalogue=ground.catalogue,
            apps=AppDesk(store, ground.catalogue, clock=clock, ids=ids),
            policy=ground.policy,
            artifacts=ground.artifacts,
            assets=asset_desk(
                store,
                settings,
                ground.artifacts,
                ground.incoming,
                ground.fetcher.get,
                clock,
                ids,
            ),
            styles=style_desk(store, ground.artifacts),
            incoming=ground.incoming,
            room_for_work=ground.room_for_work,
            workspaces=store,
            keys=ground.keys,
            settings=settings,
            clock=clock,
            broken_loops=ground.loops.broken,
            lab=self.stepping,
            faults=self.faults,
            take_hook=ground.upstreams.take_hook,
        )
        parts = ApiParts.of(deps)
        tools = ToolRoute(
            lambda: create_api(deps, parts),
            parts.authenticator,
            is_draining=lambda: ground.service.is_draining,
        )
        if not settings.dashboard:
            return create_api(replace(deps, tools=tools), parts)
        page = DashboardDeps(
            api=deps,
            parts=parts,
            seals=ground.sealer,
            tokens=TokenDesk(store, ground.keys, clock=clock),
            inbox=self.inbox,
            origins=self._origins,
        )
        return create_api(replace(deps, tools=tools, pages=create_dashboard(page)), parts)

    def _stepping(self) -> Stepping | None:
        """Return what moves the emulator's time; a server has no such thing."""
        lab_clock = self.ground.lab_clock
        if lab_clock is None or self.dispatch is None:
            return None
        dispatcher = self.dispatch.dispatcher
        return Stepping(
            lab_clock,
            next_due_ms=self.store.next_due_ms,
            dispatch=lambda: _all_sent(dispatcher),
            directory=self.settings.data,
        )


async def _all_sent(dispatcher: Dispatcher) -> int:
    """Send everything that is due; return how many attempts that took."""
    before = dispatcher.attempts_count
    while await dispatcher.run_once() or dispatcher.is_busy:
        await dispatcher.settled()
    return dispatcher.attempts_count - before
