"""The upstream engines of a process, and what their providers' webhooks come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from random import Random

from ringback.assembly import engines_of
from ringback.clock import SystemClock
from ringback.doorbell import Watchers
from ringback.egress.caller import Call, Caller
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy
from ringback.engines.upstream.assembling import Surroundings, Upstream, assemble
from ringback.engines.upstream.places import Place, temporary_place
from ringback.engines.upstream.types import TYPES
from ringback.settings import Settings

_LOOK_S = 5.0


class Upstreams:
    """Every upstream engine that the config file sets up."""

    def __init__(
        self,
        settings: Settings,
        policy: TargetPolicy,
        *,
        proxy: EgressProxy | None,
        wakes: Watchers,
        pass_on: Callable[[str], None] = lambda _job_id: None,
        place: Place = temporary_place,
    ) -> None:
        engines_of(settings)
        self._pass_on = pass_on
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
            wakes=wakes,
            public_url=settings.public_url,
            environment=os.environ,
            place=place,
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
        is_theirs = await upstream.hooks.take(job_id, proof, headers=headers, body=body)
        if is_theirs:
            self._pass_on(job_id)
        return is_theirs

    def close(self) -> None:
        """Let go of connections, once no engine runs any more."""
        for caller in self._callers:
            caller.close()


async def is_reached(upstream: Upstream) -> str | None:
    """Return why an engine's provider cannot be reached, or None; nothing secret is sent."""
    caller = Caller(TargetPolicy.operator(), clock=SystemClock())
    try:
        assert upstream.settings.base_url is not None
        reply = await caller.ask(
            Call(method="GET", url=upstream.settings.base_url, timeout_s=_LOOK_S)
        )
    finally:
        caller.close()
    if reply.status is not None or reply.reason is None:
        return None
    return f"{reply.reason.value}: {reply.detail}"
