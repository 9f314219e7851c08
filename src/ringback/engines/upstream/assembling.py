"""From the config's tables to engines: what type each is, and all that it stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import msgspec

from ringback.clock import Clock
from ringback.doorbell import Watchers
from ringback.egress.caller import Caller, Headers
from ringback.egress.websocket import Messages
from ringback.engines.upstream.config import UpstreamSettings, base_url_of, secret_of
from ringback.engines.upstream.engine import UpstreamEngine
from ringback.engines.upstream.files import Files
from ringback.engines.upstream.hooks import Hooks
from ringback.engines.upstream.line import Line
from ringback.engines.upstream.places import Place, temporary_place
from ringback.engines.upstream.provider import Provider
from ringback.errors import SetupError
from ringback.webhooks.pace import Pace


class MakeLine(Protocol):
    """Makes a line to the provider."""

    def __call__(self, headers: Headers, *, base_url: str | None = None) -> Line:
        """Return one with these headers on every request; to the base URL of the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an adapter is made with."""

    name: str
    api_key: str | None
    webhook_secret: str | None
    line: MakeLine
    listen: Callable[..., AbstractAsyncContextManager[Messages]]  # as the caller's ``listening``
    clock: Clock
    wakes: Watchers  # ``wakes.tell(job_id)`` has the runner look now


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """One type of upstream engine: its settings, and how its adapter is made of them."""

    settings: type[UpstreamSettings]
    make: Callable[[Any, Tools], Provider]
    base_url: str | None = None  # where the provider is, unless its settings say otherwise
    needs_key: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One engine of the config file, ready to run."""

    engine: UpstreamEngine
    hooks: Hooks
    settings: UpstreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all upstream engines of a process share."""

    provider: Caller  # goes wherever the operator names
    public: Caller  # goes where strangers' URLs may
    clock: Clock
    rng: Random
    wakes: Watchers
    public_url: str | None
    environment: Mapping[str, str]
    place: Place = temporary_place  # where results lie on their way home


def read_table(
    name: str, table: Mapping[str, Any], types: Mapping[str, ProviderType]
) -> UpstreamSettings:
    """Return the settings of one engine, or raise ``SetupError`` naming what is wrong."""
    asked = table.get("type")
    if not isinstance(asked, str) or asked not in types:
        raise SetupError(
            f"The engine {name} needs a type, one of {', '.join(types)}; it has {asked!r}."
        )
    try:
        settings = msgspec.convert(table, types[asked].settings, strict=False)
    except msgspec.ValidationError as exc:
        raise SetupError(f"The engine {name} is set up wrong: {exc}.") from exc
    base_url = settings.base_url or types[asked].base_url
    if base_url is None:
        raise SetupError(f"The engine {name} needs base_url, the address of its provider.")
    return msgspec.structs.replace(settings, base_url=base_url_of(f"The engine {name}", base_url))


def assemble(
    name: str, table: Mapping[str, Any], types: Mapping[str, ProviderType], around: Surroundings
) -> Upstream:
    """Return the engine that a table describes, or raise ``SetupError``."""
    settings = read_table(name, table, types)
    kind = types[settings.type]
    assert settings.base_url is not None
    api_key = secret_of(
        f"The key of the engine {name}",
        around.environment,
        given=settings.api_key,
        variable=settings.api_key_env,
        file=settings.api_key_file,
    )
    if api_key is None and kind.needs_key:
        raise SetupError(f"The engine {name} needs api_key, api_key_env or api_key_file.")
    webhook_secret = secret_of(
        f"The webhook secret of the engine {name}",
        around.environment,
        given=settings.webhook_secret,
        variable=settings.webhook_secret_env,
    )
    secrets = tuple(secret for secret in (api_key, webhook_secret) if secret)
    pace = Pace(settings.rate)

    def line(headers: Headers, *, base_url: str | None = None) -> Line:
        assert settings.base_url is not None
        return Line(
            name,
            base_url=base_url or settings.base_url,
            caller=around.provider,
            clock=around.clock,
            rng=around.rng,
            pace=pace,
            headers=headers,
            secrets=secrets,
            retries=settings.retries,
            timeout_s=settings.request_timeout_s,
        )

    provider = kind.make(
        settings,
        Tools(
            name=name,
            api_key=api_key,
            webhook_secret=webhook_secret,
            line=line,
            listen=around.provider.listening,
            clock=around.clock,
            wakes=around.wakes,
        ),
    )
    hooks = Hooks(
        name,
        provider,
        public_url=around.public_url if settings.webhooks else None,
        secret=webhook_secret or api_key,
        clock=around.clock,
        wake=around.wakes.tell,
    )
    files = Files(
        name,
        base_url=settings.base_url,
        provider=around.provider,
        public=around.public,
        clock=around.clock,
        rng=around.rng,
        bytes_max=settings.result_bytes_max,
        timeout_s=max(settings.request_timeout_s, 300.0),
        retries=settings.retries,
        place=around.place,
    )
    engine = UpstreamEngine(
        name,
        provider,
        settings=settings,
        files=files,
        hook_url=hooks.url_for,
        wakes=around.wakes,
        clock=around.clock,
        rng=around.rng,
        secrets=secrets,
    )
    return Upstream(engine=engine, hooks=hooks, settings=settings)
