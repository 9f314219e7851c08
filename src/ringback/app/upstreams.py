"""The upstream engines of a process, and what their providers' webhooks come to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random

from ringback.assembly import engines_of
from ringback.clock import SystemClock
from ringback.doorbell import Watchers
from ringback.egress.caller import Caller
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy
from ringback.engines.upstream.assembling import Surroundings, Upstream, assemble
from ringback.engines.upstream.types import TYPES
from ringback.settings import Settings


class Upstreams:
    """Every upstream engine that the config file sets up."""

    def __init__(
        self, settings: Settings, policy: TargetPolicy, *, proxy: EgressProxy | None
    ) -> None:
        engines_of(settings)
        self.by_name: dict[str, Upstream] = {}
        self._callers: tuple[Caller, ...] = ()
        if not settings.upstreams:
            return
        # Providers live in the world's time, also where the lab moves ours.
        clock = SystemClock()
        provider = Caller(
            # The operator named them: they may well be on private addresses.
            TargetPolicy.operator(own_addresses=policy.own_addresses),
            egress_proxy=proxy,
            clock=clock,
        )
        public = Caller(policy, egress_proxy=proxy, clock=clock)
        self._callers = (provider, public)
        around = Surroundings(
            provider=provider,
            public=public,
            clock=clock,
            rng=Random(),
            wakes=Watchers(),
            public_url=settings.public_url,
            environment=os.environ,
        )
        for name, table in settings.upstreams.items():
            self.by_name[name] = assemble(name, table, TYPES, around)

    async def take_hook(
        self, engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Have an engine look at a job now, if the request is its provider's."""
        upstream = self.by_name.get(engine)
        if upstream is None:
            return False
        return await upstream.hooks.take(job_id, proof, headers=headers, body=body)

    def close(self) -> None:
        """Let go of connections, once no engine runs any more."""
        for caller in self._callers:
            caller.close()
