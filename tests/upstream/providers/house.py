"""One upstream engine as a process has it, in front of a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from random import Random
from typing import Any

from upstream.providers.serving import FastClock
from upstream.world import a_request

from ringback.doorbell import Watchers
from ringback.egress.caller import Caller
from ringback.egress.dial import system_trust
from ringback.egress.policy import TargetPolicy
from ringback.engines.contract import EngineRequest, Made
from ringback.engines.upstream.assembling import Surroundings, Upstream, assemble
from ringback.engines.upstream.types import TYPES
from ringback.testing import RecordingIO

OURS = "https://ours.example"
JOB = "01900000-0000-7000-8000-000000000001"


class House:
    """Runs jobs with an engine that a table describes."""

    def __init__(self, upstream: Upstream, clock: FastClock) -> None:
        self.upstream = upstream
        self.clock = clock
        self.io = RecordingIO()

    @property
    def engine(self) -> Any:
        """The engine."""
        return self.upstream.engine

    async def made(self, request: EngineRequest | None = None, **changes: Any) -> Made:
        """Return what a job made."""
        async with asyncio.timeout(20):
            return await self.begin(request, **changes)

    def begin(self, request: EngineRequest | None = None, **changes: Any) -> asyncio.Task[Made]:
        """Return a job's run."""
        asked = request or a_request(**{"job_id": JOB, **changes})
        return asyncio.create_task(self.upstream.engine.run(asked, self.io))

    def files(self, made: Made) -> list[bytes]:
        """Return the bytes of what was made."""
        return [self.io.saved[name] for name in made.artifacts]

    async def hooked(self, headers: dict[str, str], body: bytes, *, job_id: str = JOB) -> bool:
        """Return whether the engine believed a webhook at the job's own address."""
        address = self.upstream.hooks.url_for(job_id)
        assert address is not None
        proof = address.rpartition("/")[2]
        return await self.upstream.hooks.take(job_id, proof, headers=headers, body=body)


_trust = cache(system_trust)  # reading the machine's authorities takes longer than most tests


@asynccontextmanager
async def a_house(name: str = "studio", /, **table: Any) -> AsyncIterator[House]:
    """Yield an engine that is set up by a table, as one in the config file is."""
    clock = FastClock()
    trust = _trust()
    provider = Caller(TargetPolicy.operator(), clock=clock, ssl_context=trust)
    public = Caller(TargetPolicy.server(), clock=clock, ssl_context=trust)
    around = Surroundings(
        provider=provider,
        public=public,
        clock=clock,
        rng=Random(7),
        wakes=Watchers(),
        public_url=OURS,
        environment={},
    )
    house = House(assemble(name, table, TYPES, around), clock)
    try:
        yield house
    finally:
        await house.upstream.engine.close()
        provider.close()
        public.close()
