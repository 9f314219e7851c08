"""What the doctor looks at of engines that reach providers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ringback.cli.finding import Finding
from ringback.errors import SetupError
from ringback.settings import Settings


def upstream_engines(settings: Settings) -> Iterator[Finding]:
    """Look at every engine of the config file: its table, and whether its provider is there."""
    from msgspec.structs import replace

    for name, table in settings.upstreams.items():
        alone = replace(settings, engines={**settings.routes, name: table})
        yield _engine(name, alone)


def _engine(name: str, settings: Settings) -> Finding:
    from ringback.app.upstreams import Upstreams, is_reached
    from ringback.assembly import policy_for, proxy_for
    from ringback.doorbell import Watchers

    try:
        policy, proxy = policy_for(settings, None), proxy_for(settings)
        upstreams = Upstreams(settings, policy, proxy=proxy, wakes=Watchers())
    except SetupError as exc:
        return Finding(name="engine", found=f"{name} cannot be used", todo=str(exc))
    upstream = upstreams.by_name[name]
    upstreams.close()
    where = f"{name} ({upstream.settings.type}) at {upstream.settings.base_url}"
    why = asyncio.run(is_reached(upstream))
    if why is not None:
        todo = "See whether its provider runs, and whether base_url is right."
        return Finding(name="engine", found=f"{where} does not answer, {why}", todo=todo)
    return Finding(name="engine", found=f"{where} answers")
