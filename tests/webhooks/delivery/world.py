"""The dispatcher of a server on real sockets; a test takes its steps and moves its time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from ringback.clock import SystemClock
from ringback.egress.webhook_sender import WebhookSender
from ringback.ids import new_secret
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.server.app import App
from ringback.service.endpoints import EndpointChanges
from ringback.testing import FakeClock, FakeReceiver, Script
from ringback.webhooks.delivery.dispatcher import Dispatcher
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Attempt, Delivery
from tests.builders import a_request, open_workspaces
from tests.world import a_server, beside

OVERLAP_S = 60  # within what verifiers take for a clock that goes wrong


class World:
    """A server that dispatches, and receivers."""

    def __init__(
        self, server: App, clock: FakeClock, stack: AsyncExitStack, *, secret: str
    ) -> None:
        self.server = server
        self.clock = clock
        self.secret = secret
        self.operator_secret = server.settings.operator_webhook_secret or ""
        self.store = server.store
        self.service = server.service
        self.endpoints = server.endpoints
        self._stack = stack
        self.sender, self.dispatcher = _dispatching(server)

    def dispatch_with(self, **settings: Any) -> Dispatcher:
        """Dispatch by a process with other settings from now on."""
        other = beside(self.server, **settings)
        self._stack.push_async_callback(other.close)
        self.sender, self.dispatcher = _dispatching(other)
        return self.dispatcher

    async def receiver(
        self, *answers: Script, then: Script = 200, host: str = "127.0.0.1"
    ) -> FakeReceiver:
        return await self._stack.enter_async_context(FakeReceiver(answers, then=then, host=host))

    async def endpoint(self, url: str, **changes: Any) -> tuple[Endpoint, str]:
        """Keep an endpoint of the workspace; returns it and its secret."""
        return await self.endpoints.create("studio", EndpointChanges(url=url, **changes))

    async def start(self, webhook_url: str | None = None, *events: str) -> Job:
        """Submit a job and start it."""
        await self.service.submit(a_request(webhook_url=webhook_url, webhook_events=events))
        (job,) = await self.service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
        return await self.service.report(job, JobEvent.START, lease_s=60)

    async def progress(self, job: Job, fraction: float) -> Job:
        return await self.service.report(job, JobEvent.SAMPLE, lease_s=60, progress=fraction)

    async def finish(self, webhook_url: str | None) -> Job:
        await self.service.submit(a_request(webhook_url=webhook_url))
        (job,) = await self.service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
        return await self.service.finish(job, result=JobResult(urls=("http://x/a.png",)))

    async def dispatch(self) -> int:
        """Send everything that is due; return how many were claimed."""
        total = 0
        while claimed := await self.dispatcher.run_once():
            total += claimed
            await self.dispatcher.settled()
        return total

    async def delivery_of(self, job: Job) -> Delivery:
        (delivery,) = await self.store.deliveries_of(job.job_id)
        return delivery

    async def attempts_of(self, job: Job) -> list[Attempt]:
        return await self.store.attempts_of((await self.delivery_of(job)).delivery_id)


def _dispatching(server: App) -> tuple[WebhookSender, Dispatcher]:
    assert server.dispatcher_role is not None
    return server.dispatcher_role.sender, server.dispatcher_role.dispatcher


@asynccontextmanager
async def a_world(directory: Path, **settings: Any) -> AsyncIterator[World]:
    """Yield a dispatching server with the workspace ``studio``."""
    # The verifiers of other projects look at the machine's clock: begin at its time.
    clock = FakeClock(SystemClock().now_ms())
    known = {
        "roles": ("dispatcher",),
        "active_max": 1_000,
        "webhook_timeout_s": 1.0,
        "secret_overlap_s": OVERLAP_S,
    }
    secret = new_secret()
    async with (
        a_server(directory, clock=clock, **{**known, **settings}) as server,
        AsyncExitStack() as stack,
    ):
        await open_workspaces(server.store, "studio", secret=secret, seals=server.resources.sealer)
        made = World(server, clock, stack, secret=secret)
        yield made
        await made.dispatcher.drain(1)
