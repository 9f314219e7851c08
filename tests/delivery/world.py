"""The real dispatcher on a real store and real sockets; time is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from builders import PlainSeals, a_mint, a_request, open_workspaces
from msgspec.structs import replace

from ringback.clock import SystemClock
from ringback.doorbell import Bells
from ringback.egress.policy import TargetPolicy
from ringback.egress.sender import Sender, SenderSettings
from ringback.ids import Ids, new_secret
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.service import Service
from ringback.service.endpoints import EndpointDesk, EndpointWish
from ringback.service.secrets import KeyDesk
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, FakeReceiver, Script
from ringback.webhooks.courier import Courier
from ringback.webhooks.dispatcher import Dispatcher, DispatchSettings
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.signing import Signing, SigningBook
from ringback.wire.signature import Signer

OVERLAP_S = 60  # within what verifiers take for a clock that goes wrong


class World:
    """A store, its verbs, a dispatcher and receivers."""

    def __init__(
        self, store: SqliteStore, stack: AsyncExitStack, *, secret: str, operator_secret: str
    ) -> None:
        # The verifiers of other projects look at the machine's clock: begin at its time.
        self.clock = FakeClock(SystemClock().now_ms())
        self.secret = secret
        self.operator_secret = operator_secret
        self.store = store
        self._stack = stack
        self._bells = Bells()
        ids = Ids(self.clock.now_ms, Random(5).getrandbits)
        self.sender = self.a_sender(total_timeout_s=0.5)
        self.service = Service(
            store,
            clock=self.clock,
            ids=ids,
            limits=Limits(active_max=1000),
            bells=self._bells,
        )
        self.keys = KeyDesk(store, PlainSeals(), clock=self.clock, ids=ids)
        self.endpoints = EndpointDesk(
            store,
            store,
            self.keys,
            clock=self.clock,
            ids=ids,
            bells=self._bells,
            endpoints_max=50,
            overlap_s=OVERLAP_S,
        )
        self.dispatcher = self.a_dispatcher()

    def a_sender(self, *, total_timeout_s: float) -> Sender:
        settings = SenderSettings(total_timeout_s=total_timeout_s)
        sender = Sender(TargetPolicy.dev(), settings=settings, clock=self.clock)
        self._stack.push_async_callback(sender.close)
        return sender

    def a_dispatcher(self, settings: DispatchSettings | None = None) -> Dispatcher:
        return Dispatcher(
            self.store,
            Courier(
                self.sender,
                SigningBook(
                    self.store,
                    self.store,
                    unsealer=PlainSeals(),
                    clock=self.clock,
                    operator=Signing(signers=(Signer(self.operator_secret),)),
                ),
            ),
            clock=self.clock,
            rng=Random(5),
            bells=self._bells,
            settings=settings or DispatchSettings(timeout_s=0.5),
        )

    async def receiver(self, *answers: Script, then: Script = 200) -> FakeReceiver:
        return await self._stack.enter_async_context(FakeReceiver(answers, then=then))

    async def endpoint(self, url: str, **wish: Any) -> tuple[Endpoint, str]:
        """Keep an endpoint of the workspace; returns it and its secret."""
        return await self.endpoints.create("studio", EndpointWish(url=url, **wish))

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


@asynccontextmanager
async def a_world(directory: Path, *, operator_url: str | None = None) -> AsyncIterator[World]:
    """A world in this directory; its operator is told at the URL."""
    mint = replace(a_mint(), operator_url=operator_url)
    store = await SqliteStore.open(directory / "data", mint=mint)
    secret = new_secret()
    await open_workspaces(store, "studio", secret=secret)
    async with AsyncExitStack() as stack:
        made = World(store, stack, secret=secret, operator_secret=new_secret())
        yield made
        await made.dispatcher.drain(1)
    await store.close()
