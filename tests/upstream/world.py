"""The runner of upstream engines, and what stands around it in tests."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from ringback.doorbell import Watchers
from ringback.egress.caller import Caller
from ringback.egress.policy import TargetPolicy
from ringback.engines.contract import EngineRequest, Made
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.engine import UpstreamEngine
from ringback.engines.upstream.files import Files
from ringback.testing import FakeClock, RecordingIO, ScriptedProvider, settle

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def a_request(**changes: Any) -> EngineRequest:
    """Return one job of an upstream engine."""
    asked = {
        "job_id": "0190-job",
        "workspace_id": "w",
        "kind": "image",
        "model": "bfl/flux-1-dev",
        "input": {"prompt": "a fox"},
        "base_url": "http://127.0.0.1:7464",
    }
    return EngineRequest(**{**asked, **changes})


class World:
    """Makes engines around scripted providers, and runs them in moved time."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.wakes = Watchers()
        self.io = RecordingIO()
        self.callers: list[Caller] = []

    def engine(
        self, provider: ScriptedProvider, *, base_url: str = "http://127.0.0.1:9", **settings: Any
    ) -> UpstreamEngine:
        chosen = UpstreamSettings(type="scripted", base_url=base_url, **settings)
        files = Files(
            "studio",
            base_url=base_url,
            provider=self.caller(TargetPolicy.operator()),
            public=self.caller(TargetPolicy.server()),
            clock=self.clock,
            rng=Random(7),
            bytes_max=chosen.result_bytes_max,
            timeout_s=5.0,
            retries=chosen.retries,
        )
        return UpstreamEngine(
            "studio",
            provider,
            settings=chosen,
            files=files,
            hook_url=lambda job_id: f"https://ours.example/hooks/studio/{job_id}/proof",
            wakes=self.wakes,
            clock=self.clock,
            rng=Random(7),
            secrets=("sk-secret-key",),
        )

    def caller(self, policy: TargetPolicy) -> Caller:
        made = Caller(policy)
        self.callers.append(made)
        return made

    def close(self) -> None:
        for caller in self.callers:
            caller.close()

    async def ran(
        self, engine: UpstreamEngine, request: EngineRequest | None = None, *, for_s: float = 600
    ) -> Made:
        """Return what the run made, after so much time at most."""
        run = asyncio.create_task(engine.run(request or a_request(), self.io))
        await self.clock.elapse(for_s)
        async with asyncio.timeout(5):
            return await run

    async def begun(
        self, engine: UpstreamEngine, request: EngineRequest | None = None
    ) -> asyncio.Task[Made]:
        """Return a run that has got as far as it gets without time."""
        run = asyncio.create_task(engine.run(request or a_request(), self.io))
        await settle()
        return run
