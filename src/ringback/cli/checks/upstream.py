"""The checks of upstream engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ringback.cli.checks.finding import Finding
from ringback.errors import SetupError
from ringback.settings import Settings


def upstream_engines(settings: Settings) -> Iterator[Finding]:
    """Check every engine of the config file: its table, and whether its provider answers."""
    from msgspec.structs import replace

    for name, table in settings.upstreams.items():
        alone = replace(settings, engines={**settings.routes, name: table})
        yield _engine(name, alone)


def _engine(name: str, settings: Settings) -> Finding:
    from ringback.egress.dial import system_trust
    from ringback.server.factories import proxy_for, resolver_for, result_policy_for
    from ringback.server.upstream_engines import Upstreams, connection_error
    from ringback.wakeups import Subscriptions

    try:
        policy, proxy = result_policy_for(settings, None), proxy_for(settings)
        resolver = resolver_for(settings)
        trust = system_trust(settings.ca_file)
        upstreams = Upstreams(
            settings, policy, proxy=proxy, resolver=resolver, wakes=Subscriptions()
        )
    except SetupError as exc:
        return Finding(name="engine", found=f"{name} cannot be used", todo=str(exc))
    upstream = upstreams.by_name[name]
    upstreams.close()
    where = f"{name} ({upstream.settings.type}) at {upstream.settings.base_url}"
    why = asyncio.run(connection_error(upstream, proxy=proxy, resolver=resolver, ssl_context=trust))
    if why is not None:
        todo = "See whether its provider runs, and whether base_url is right."
        return Finding(name="engine", found=f"{where} does not answer, {why}", todo=todo)
    return Finding(name="engine", found=f"{where} answers")
