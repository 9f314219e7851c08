"""Builds one process: its roles and services on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from random import Random

from starlette.types import ASGIApp

from ringback.api.app import ApiServices, create_api
from ringback.api.shared import SharedParts
from ringback.clock import Clock, SystemClock
from ringback.dashboard.app import create_dashboard
from ringback.dashboard.inbox import Inbox
from ringback.dashboard.services import DashboardServices
from ringback.engines.sketch import process
from ringback.http.client_address import ClientAddress
from ringback.http.feed_cursors import PURPOSE, FeedCursors
from ringback.jobs.model import Job
from ringback.mcp.http import ToolRoute
from ringback.server.dispatcher_role import DispatcherRole
from ringback.server.factories import STYLED_ENGINES, dispatching_for, trusted_proxies_for
from ringback.server.maintenance_role import MaintenanceRole
from ringback.server.resources import Resources
from ringback.server.services import delivery_service
from ringback.server.shutdown import (
    DELIVERIES_SHARE,
    GIVE_BACK_SHARE,
    JOBS_SHARE,
    Shutdown,
)
from ringback.server.tools import tool_services
from ringback.server.worker_role import WorkerRole
from ringback.service.activity import ActivityService
from ringback.service.bulk_operations import BulkOperationService
from ringback.service.endpoints import EndpointService
from ringback.service.feed import EventFeed
from ringback.service.listener_sessions import ListenerSession
from ringback.service.listeners import ListenerService
from ringback.service.node_apps import NodeAppService
from ringback.service.styles import StyleService
from ringback.service.tokens import TokenService
from ringback.service.usage import UsageService
from ringback.service.workspace_reset import WorkspaceReset
from ringback.settings import Settings
from ringback.signing.rotation import workspace_owner
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.listener_requests import SignedRequestBuilder

DEV_WORKSPACE = "dev"


class App:
    """The parts of one process on one store."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        listening: tuple[str, int] | None,
        wakeups: Wakeups | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
        origins: Mapping[str, str] | None = None,
        shutdown: Shutdown | None = None,
    ) -> None:
        self.shutdown = shutdown or Shutdown(settings.grace_s)
        resources = self.resources = Resources(
            settings, store, listening=listening, wakeups=wakeups, clock=clock, rng=rng
        )
        self.settings = settings
        self.store = store
        self.service, self.keys, self.loops = resources.service, resources.keys, resources.loops
        self.worker_role = WorkerRole(resources) if "worker" in settings.roles else None
        self.dispatcher_role = DispatcherRole(resources) if "dispatcher" in settings.roles else None
        self.endpoints = EndpointService(
            store,
            store,
            resources.keys,
            clock=resources.clock,
            ids=resources.ids,
            wakeups=resources.wakeups,
            endpoints_max=settings.endpoints_max,
            overlap_s=settings.secret_overlap_s,
        )
        lab = resources.lab
        self.listeners = ListenerService(
            store,
            self.endpoints,
            resources.signers,
            SignedRequestBuilder(resources.clock) if lab is None else lab.request_builder(),
            clock=resources.clock,
            rng=resources.rng,
            wakeups=resources.wakeups,
            settings=dispatching_for(settings),
        )
        self.maintenance = MaintenanceRole(
            resources, is_held=self._holds, after_step=self.listeners.disable_unheard
        )
        self.faults = None if lab is None else lab.faults
        self.stepping = (
            None
            if lab is None or self.dispatcher_role is None
            else lab.stepping(self.dispatcher_role.dispatcher, next_due_ms=store.next_due_ms)
        )
        # The lab moves the server's time, but not the time of the signatures.
        inbox_clock = clock or SystemClock()
        self.inbox = Inbox(resources.keys, self.endpoints, inbox_clock) if settings.is_dev else None
        self._origins = origins or {}
        self.deps = self._deps() if "api" in settings.roles else None

    @cached_property
    def api(self) -> ASGIApp | None:
        """The API, or None if it is no role of the process."""
        return None if self.deps is None else self.api_of(self.deps)

    @cached_property
    def workspace_reset(self) -> WorkspaceReset:
        """The service that empties workspaces."""
        return WorkspaceReset(
            self.store,
            artifacts=self.resources.artifacts,
            wakeups=self.resources.wakeups,
            forget=self._forget_workspace,
        )

    async def open_dev_workspace(self) -> str:
        """Create the emulator's workspace if need be; return the secret that signs its webhooks."""
        await self.keys.open_workspace(DEV_WORKSPACE)
        secrets_of_dev = await self.keys.secrets_of(workspace_owner(DEV_WORKSPACE))
        return secrets_of_dev[0]

    def warm_up(self) -> None:
        """Start the parts that are slow to start."""
        if self.worker_role is not None:
            self.worker_role.may_warm_up.set()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the roles inside the context, then drain within the grace time."""
        await self.maintenance.prepare()
        self.loops.start("roles", self._begin)
        try:
            yield
        finally:
            self.shutdown.begin()
            self.service.drain()
            await self._drain()
            await self._stop()

    async def _begin(self) -> None:
        if self.worker_role is not None:
            await self.worker_role.begin()
        if self.settings.is_alone:
            await self.maintenance.begin_alone()
        for role in (self.worker_role, self.dispatcher_role, self.maintenance):
            if role is not None:
                role.start()

    async def _drain(self) -> None:
        """Let jobs finish, then deliveries, within the grace time; release the rest."""
        stop = self.shutdown
        if self.worker_role is not None:
            jobs_s = stop.left_until_s(JOBS_SHARE)
            give_back_s = stop.left_until_s(GIVE_BACK_SHARE) - jobs_s
            draining = self.worker_role.worker.drain(jobs_s, give_back_s=give_back_s)
            await stop.step("worker", draining)
        if self.dispatcher_role is not None:
            deliveries_s = stop.left_until_s(DELIVERIES_SHARE)
            await stop.step("dispatcher", self.dispatcher_role.dispatcher.drain(deliveries_s))

    async def close(self) -> None:
        """Close the connections and threads of a process whose loops do not run."""
        for role in (self.worker_role, self.dispatcher_role):
            if role is not None:
                await role.close()
        self.resources.close()

    async def _stop(self) -> None:
        """Stop the loops, then close the connections and threads of the process."""
        stop = self.shutdown
        stop.step_name = "loops"
        for name in await self.loops.stop(stop.left_s):
            stop.abandoned(f"loop {name}")
        for name, role in (("engines", self.worker_role), ("senders", self.dispatcher_role)):
            if role is not None:
                await stop.step(name, role.close())
        self.resources.close()

    def _forget_workspace(self, workspace_id: str) -> None:
        """Drop a workspace's state in the lab and the inbox."""
        if self.faults is not None:
            self.faults.count_anew(workspace_id)
        if self.inbox is not None:
            self.inbox.forget(workspace_id)

    def _holds(self, job: Job) -> bool:
        return self.worker_role is not None and self.worker_role.worker.holds(job)

    def _deps(self) -> ApiServices:
        resources, settings, store = self.resources, self.settings, self.store
        clock, ids, wakeups = resources.clock, resources.ids, resources.wakeups
        return ApiServices(
            service=resources.service,
            deliveries=delivery_service(settings, store, wakeups, clock),
            activity=ActivityService(store, clock=clock),
            feed=EventFeed(store, resources.service, clock=clock, wakeups=wakeups),
            endpoints=self.endpoints,
            listeners=self.listeners,
            listening=ListenerSession(
                self.listeners, resources.service, clock=clock, wakeups=wakeups
            ),
            bulk_operations=BulkOperationService(store, clock=clock, ids=ids),
            usage=UsageService(store, clock=clock),
            catalogue=resources.catalogue,
            apps=NodeAppService(store, resources.catalogue, clock=clock, ids=ids),
            policy=resources.policy,
            input_policy=resources.input_policy,
            artifacts=resources.artifacts,
            own_urls=resources.own_urls,
            assets=resources.asset_service(),
            asset_rows=store,
            styles=StyleService(store, artifacts=resources.artifacts, engines=STYLED_ENGINES),
            incoming=resources.incoming,
            room_for_work=resources.room_for_work,
            workspaces=store,
            keys=resources.keys,
            settings=settings,
            clock=clock,
            cursors=FeedCursors(resources.sealer.keys_for(PURPOSE)),
            broken_loops=resources.loops.broken,
            unavailable=resources.away,
            lab=self.stepping,
            faults=self.faults,
            reset=self.workspace_reset.reset,
            take_provider_webhook=resources.upstreams.receive_webhook,
        )

    def api_of(self, deps: ApiServices) -> ASGIApp:
        """Return the API on these services, with MCP and the dashboard if it is on."""
        api = self._direct_api_of(deps)
        trusted = trusted_proxies_for(self.settings)
        if not trusted:
            return api
        return ClientAddress(api, trusted, header=self.settings.client_header)

    def _direct_api_of(self, deps: ApiServices) -> ASGIApp:
        resources = self.resources
        parts = SharedParts.of(deps)
        tools = ToolRoute(tool_services(deps, parts), parts.authenticator)
        if not self.settings.dashboard:
            return create_api(replace(deps, tools=tools), parts)
        page = DashboardServices(
            api=deps,
            parts=parts,
            seals=resources.sealer,
            ended=self.store,
            tokens=TokenService(self.store, resources.keys, clock=resources.clock),
            draw_still=process.still,
            inbox=self.inbox,
            origins=self._origins,
        )
        return create_api(replace(deps, tools=tools, pages=create_dashboard(page)), parts)
