"""One upstream engine as a process creates it, in front of a fake provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from random import Random
from typing import Any

from ringback.egress.dial import system_trust
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.contract import EngineRequest, Made
from ringback.engines.upstream.factory import AdapterContext, Upstream, create_upstream
from ringback.engines.upstream.registry import TYPES
from ringback.engines.upstream.result_files import Strip
from ringback.testing import RecordingIO
from ringback.wakeups import Subscriptions
from tests.engines.upstream.providers.serving import FastClock
from tests.engines.upstream.world import a_request
from tests.patience import SOON_S

OURS = "https://ours.example"
JOB = "01900000-0000-7000-8000-000000000001"


class Harness:
    """Runs jobs with an engine created from a config table."""

    def __init__(self, upstream: Upstream, clock: FastClock, wakes: Subscriptions) -> None:
        self.upstream = upstream
        self.wakes = wakes
        self.clock = clock
        self.io = RecordingIO()

    @property
    def engine(self) -> Any:
        """The engine."""
        return self.upstream.engine

    async def made(self, request: EngineRequest | None = None, **changes: Any) -> Made:
        """Run a job and return its result."""
        async with asyncio.timeout(SOON_S):
            return await self.begin(request, **changes)

    def begin(self, request: EngineRequest | None = None, **changes: Any) -> asyncio.Task[Made]:
        """Start a job and return the task that runs it."""
        engine_request = request or a_request(**{"job_id": JOB, **changes})
        return asyncio.create_task(self.upstream.engine.run(engine_request, self.io))

    def files(self, made: Made) -> list[bytes]:
        """Return the bytes of the result's files."""
        return [self.io.saved[name] for name in made.artifacts]

    async def accepts_webhook(
        self, headers: dict[str, str], body: bytes, *, job_id: str = JOB
    ) -> bool:
        """Return whether the engine accepted a webhook at the job's own address."""
        address = self.upstream.provider_webhooks.url_for(job_id)
        assert address is not None
        proof = address.rpartition("/")[2]
        return await self.upstream.provider_webhooks.take(job_id, proof, headers=headers, body=body)


_trust = cache(system_trust)  # loading the system's CA certificates is slower than most tests


@asynccontextmanager
async def a_harness(
    name: str = "studio",
    /,
    *,
    environment: Mapping[str, str] | None = None,
    strip: Strip | None = None,
    **table: Any,
) -> AsyncIterator[Harness]:
    """Yield an engine created from a config table."""
    clock = FastClock()
    trust = _trust()
    provider = HttpClient(TargetPolicy.operator(), clock=clock, ssl_context=trust)
    public = HttpClient(TargetPolicy.server(), clock=clock, ssl_context=trust)
    wakes = Subscriptions()
    context = AdapterContext(
        provider=provider,
        public=public,
        clock=clock,
        rng=Random(7),
        wakes=wakes,
        public_url=OURS,
        environment=environment or {},
        strip=strip,
    )
    harness = Harness(create_upstream(name, table, TYPES, context), clock, wakes)
    try:
        yield harness
    finally:
        await harness.upstream.engine.close()
        provider.close()
        public.close()
