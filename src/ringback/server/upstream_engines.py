"""Builds the upstream engines of a process, and receives their providers' webhooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from ssl import SSLContext

from ringback.clock import SystemClock
from ringback.egress.http_client import CLIENT_SETTINGS, HttpClient, Request
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy
from ringback.egress.resolver import Resolver
from ringback.engines.upstream.factory import AdapterContext, Upstream, create_upstream
from ringback.engines.upstream.registry import TYPES
from ringback.engines.upstream.result_files import Strip
from ringback.engines.upstream.temporary import TemporaryFile, temporary_file
from ringback.server.factories import engines_of
from ringback.settings import Settings
from ringback.wakeups import Subscriptions

_PROBE_S = 5.0


class Upstreams:
    """Every upstream engine that the config file sets up."""

    def __init__(
        self,
        settings: Settings,
        policy: TargetPolicy,
        *,
        proxy: EgressProxy | None,
        resolver: Resolver,
        ssl_context: SSLContext | None = None,
        wakes: Subscriptions,
        notify_peers: Callable[[str], None] = lambda _job_id: None,
        temporary_file: TemporaryFile = temporary_file,
        strip: Strip | None = None,
    ) -> None:
        engines_of(settings)
        self._notify_peers = notify_peers
        self.by_name: dict[str, Upstream] = {}
        self._clients: tuple[HttpClient, ...] = ()
        if not settings.upstreams:
            return
        # Providers use real time, even where the lab moves ours.
        clock = SystemClock()
        client_settings = replace(CLIENT_SETTINGS, egress_proxy=proxy)
        provider = HttpClient(
            # The operator chose the providers, which may be on private addresses.
            TargetPolicy.operator(own_addresses=policy.own_addresses),
            settings=client_settings,
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock,
        )
        public = HttpClient(
            policy,
            settings=client_settings,
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock,
        )
        self._clients = (provider, public)
        context = AdapterContext(
            provider=provider,
            public=public,
            clock=clock,
            rng=Random(),
            wakes=wakes,
            public_url=settings.public_url,
            environment=os.environ,
            temporary_file=temporary_file,
            strip=strip,
        )
        for name, table in settings.upstreams.items():
            self.by_name[name] = create_upstream(name, table, TYPES, context)

    async def receive_webhook(
        self, engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Make an engine poll a job now, if the request is its provider's webhook."""
        upstream = self.by_name.get(engine)
        if upstream is None:
            return False
        is_genuine = await upstream.provider_webhooks.take(
            job_id, proof, headers=headers, body=body
        )
        if is_genuine:
            self._notify_peers(job_id)
        return is_genuine

    def close(self) -> None:
        """Close the connections, once no engine runs any more."""
        for client in self._clients:
            client.close()


async def connection_error(
    upstream: Upstream,
    *,
    proxy: EgressProxy | None,
    resolver: Resolver,
    ssl_context: SSLContext | None = None,
) -> str | None:
    """Return why an engine's provider cannot be reached, or None; no secret is sent."""
    client = HttpClient(
        TargetPolicy.operator(),
        settings=replace(CLIENT_SETTINGS, egress_proxy=proxy),
        resolver=resolver,
        ssl_context=ssl_context,
        clock=SystemClock(),
    )
    try:
        assert upstream.settings.base_url is not None
        response = await client.send(
            Request(method="GET", url=upstream.settings.base_url, timeout_s=_PROBE_S)
        )
    finally:
        client.close()
    if response.status is not None or response.reason is None:
        return None
    return f"{response.reason.value}: {response.detail}"
