"""The runner of upstream engines with its collaborators, for tests."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.contract import EngineRequest, Made
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.factory import AdapterContext, ProviderType, create_upstream
from ringback.engines.upstream.runner import UpstreamEngine
from ringback.testing import FakeClock, RecordingIO, ScriptedProvider, settle
from ringback.wakeups import Subscriptions

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def a_request(**changes: Any) -> EngineRequest:
    """Return the request of a job of an upstream engine."""
    fields = {
        "job_id": "0190-job",
        "workspace_id": "w",
        "kind": "image",
        "model": "bfl/flux-1-dev",
        "input": {"prompt": "a fox"},
        "base_url": "http://127.0.0.1:7464",
    }
    return EngineRequest(**{**fields, **changes})


class World:
    """Creates engines with scripted providers, and runs them on a fake clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.wakes = Subscriptions()
        self.io = RecordingIO()
        self._around = AdapterContext(
            provider=HttpClient(TargetPolicy.operator()),
            public=HttpClient(TargetPolicy.server()),
            clock=self.clock,
            rng=Random(7),
            wakes=self.wakes,
            public_url="https://ours.example",
            environment={},
        )

    def engine(
        self, provider: ScriptedProvider, *, base_url: str = "http://127.0.0.1:9", **settings: Any
    ) -> UpstreamEngine:
        types = {"scripted": ProviderType(settings=UpstreamSettings, make=lambda *_: provider)}
        table = {"type": "scripted", "base_url": base_url, "api_key": "sk-secret-key", **settings}
        return create_upstream("studio", table, types, self._around).engine

    def close(self) -> None:
        self._around.provider.close()
        self._around.public.close()

    async def ran(
        self, engine: UpstreamEngine, request: EngineRequest | None = None, *, for_s: float = 600
    ) -> Made:
        """Run a job for at most that much fake time, and return its result."""
        run = asyncio.create_task(engine.run(request or a_request(), self.io))
        await self.clock.elapse(for_s)
        async with asyncio.timeout(5):
            return await run

    async def begun(
        self, engine: UpstreamEngine, request: EngineRequest | None = None
    ) -> asyncio.Task[Made]:
        """Start a run and let it proceed as far as it can without time passing."""
        run = asyncio.create_task(engine.run(request or a_request(), self.io))
        await settle()
        return run
