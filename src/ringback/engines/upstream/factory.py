"""Creates upstream engines from the tables of the config file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import msgspec

from ringback.clock import Clock
from ringback.egress.http_client import Headers, HttpClient
from ringback.egress.rate_limiter import RateLimiter
from ringback.egress.websocket import Messages
from ringback.engines.upstream.client import ANSWER_BYTES_MAX, ProviderClient
from ringback.engines.upstream.config import (
    UpstreamSettings,
    base_url_of,
    result_origins_of,
    secret_of,
)
from ringback.engines.upstream.provider import Provider
from ringback.engines.upstream.provider_webhooks import ProviderWebhooks
from ringback.engines.upstream.result_files import ResultFiles, Strip
from ringback.engines.upstream.runner import UpstreamEngine
from ringback.engines.upstream.temporary import TemporaryFile, temporary_file
from ringback.errors import SetupError
from ringback.errors.wrong_values import explain_fault
from ringback.wakeups import Subscriptions

_ANSWER_BYTES_MOST = 96 << 20  # it is held in memory


class MakeClient(Protocol):
    """Creates an HTTP client of the provider."""

    def __call__(
        self, headers: Headers, *, base_url: str | None = None, backup_url: str | None = None
    ) -> ProviderClient:
        """Return a client that sends these headers; the base URL's default is the setting.

        The backup URL is used for a request for which the base URL cannot be connected to.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Everything that an adapter is created with."""

    name: str
    key_headers: Headers  # have the API key, if there is one
    webhook_secret: str | None
    more_secrets: Mapping[str, str]
    make_client: MakeClient
    listen: Callable[..., AbstractAsyncContextManager[Messages]]  # ``HttpClient.listening``
    clock: Clock
    wakes: Subscriptions  # ``wakes.notify(job_id)`` makes the runner poll now


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """One type of upstream engine: its settings and the factory of its adapter."""

    settings: type[UpstreamSettings]
    make: Callable[[Any, Tools], Provider]
    base_url: str | None = None  # the default of the setting
    needs_key: bool = True
    key_scheme: str = "Bearer"  # of the header Authorization
    strips_results: bool = False  # whether results lose their metadata, as assets do


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One engine of the config file, ready to run."""

    engine: UpstreamEngine
    provider_webhooks: ProviderWebhooks
    settings: UpstreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext:
    """Everything that the upstream engines of a process share."""

    provider: HttpClient  # may reach any host that the operator configures
    public: HttpClient  # may reach public hosts only
    clock: Clock
    rng: Random
    wakes: Subscriptions
    public_url: str | None
    environment: Mapping[str, str]
    temporary_file: TemporaryFile = temporary_file  # where results are downloaded to
    strip: Strip | None = None  # for the types whose results lose their metadata


def read_table(
    name: str, table: Mapping[str, Any], types: Mapping[str, ProviderType]
) -> UpstreamSettings:
    """Return the settings of one engine, or raise ``SetupError`` that names the mistake."""
    kind = table.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise SetupError(
            f"The engine {name} needs a type, one of {', '.join(types)}; it has {kind!r}."
        )
    try:
        settings = msgspec.convert(table, types[kind].settings, strict=False)
    except msgspec.ValidationError as exc:
        fault = explain_fault(exc, types[kind].settings)
        raise SetupError(f"The engine {name} is set up wrong: {fault}.") from exc
    base_url = settings.base_url or types[kind].base_url
    if base_url is None:
        raise SetupError(f"The engine {name} needs base_url, the address of its provider.")
    return msgspec.structs.replace(settings, base_url=base_url_of(f"The engine {name}", base_url))


def create_upstream(
    name: str, table: Mapping[str, Any], types: Mapping[str, ProviderType], context: AdapterContext
) -> Upstream:
    """Return the engine that a table describes, or raise ``SetupError``."""
    settings = read_table(name, table, types)
    kind = types[settings.type]
    assert settings.base_url is not None
    api_key, webhook_secret = _secrets_of(name, settings, context)
    if api_key is None and kind.needs_key:
        raise SetupError(f"The engine {name} needs api_key, api_key_env or api_key_file.")
    key_headers: Headers = ()
    if api_key is not None:
        key_headers = (("authorization", f"{kind.key_scheme} {api_key}"),)
    more_secrets = _more_secrets_of(name, settings, context)
    secrets = tuple(
        secret for secret in (api_key, webhook_secret, *more_secrets.values()) if secret
    )
    provider = kind.make(
        settings,
        Tools(
            name=name,
            key_headers=key_headers,
            webhook_secret=webhook_secret,
            more_secrets=more_secrets,
            make_client=_make_client_of(name, settings, context, secrets),
            listen=context.provider.listening,
            clock=context.clock,
            wakes=context.wakes,
        ),
    )
    provider_webhooks = ProviderWebhooks(
        name,
        provider,
        public_url=context.public_url if settings.webhooks else None,
        secret=webhook_secret or api_key,
        clock=context.clock,
        wake=context.wakes.notify,
    )
    engine = UpstreamEngine(
        name,
        provider,
        settings=settings,
        files=_files_of(
            name,
            settings,
            context,
            headers=key_headers,
            strip=context.strip if kind.strips_results else None,
        ),
        webhook_url=provider_webhooks.url_for,
        wakes=context.wakes,
        clock=context.clock,
        rng=context.rng,
        secrets=secrets,
    )
    return Upstream(engine=engine, provider_webhooks=provider_webhooks, settings=settings)


def _answer_bytes_max(settings: UpstreamSettings) -> int:
    """Return the longest answer with a result; its files may be in it, a third longer as base64."""
    return min(ANSWER_BYTES_MAX + settings.result_bytes_max * 4 // 3, _ANSWER_BYTES_MOST)


def _make_client_of(
    name: str, settings: UpstreamSettings, context: AdapterContext, secrets: tuple[str, ...]
) -> MakeClient:
    """Return the factory of an engine's clients, which share its rate limit."""
    pace = RateLimiter(settings.rate)

    def make_client(
        headers: Headers, *, base_url: str | None = None, backup_url: str | None = None
    ) -> ProviderClient:
        assert settings.base_url is not None
        return ProviderClient(
            name,
            base_url=base_url or settings.base_url,
            backup_url=backup_url,
            http_client=context.provider,
            clock=context.clock,
            rng=context.rng,
            pace=pace,
            headers=headers,
            secrets=secrets,
            retries=settings.retries,
            timeout_s=settings.request_timeout_s,
            result_bytes_max=_answer_bytes_max(settings),
        )

    return make_client


def _secrets_of(
    name: str, settings: UpstreamSettings, context: AdapterContext
) -> tuple[str | None, str | None]:
    """Return the API key and the webhook secret of an engine, None where one is not set."""
    api_key = secret_of(
        f"The key of the engine {name}",
        context.environment,
        value=settings.api_key,
        variable=settings.api_key_env,
        file=settings.api_key_file,
    )
    webhook_secret = secret_of(
        f"The webhook secret of the engine {name}",
        context.environment,
        value=settings.webhook_secret,
        variable=settings.webhook_secret_env,
    )
    return api_key, webhook_secret


def _more_secrets_of(
    name: str, settings: UpstreamSettings, context: AdapterContext
) -> dict[str, str]:
    """Return the further secrets of an engine, or raise ``SetupError`` for one that is not set."""
    found = {}
    for secret, variable in settings.more_secrets_env.items():
        where = f"The secret {secret} of the engine {name}"
        value = secret_of(where, context.environment, value=None, variable=variable)
        assert value is not None
        found[secret] = value
    return found


def _files_of(
    name: str,
    settings: UpstreamSettings,
    context: AdapterContext,
    *,
    headers: Headers,
    strip: Strip | None,
) -> ResultFiles:
    """Return the downloader of an engine's results."""
    assert settings.base_url is not None
    return ResultFiles(
        name,
        base_url=settings.base_url,
        named_origins=result_origins_of(f"The engine {name}", settings.result_origins),
        provider=context.provider,
        public=context.public,
        headers=headers,
        clock=context.clock,
        rng=context.rng,
        bytes_max=settings.result_bytes_max,
        timeout_s=max(settings.request_timeout_s, 300.0),
        retries=settings.retries,
        temporary_file=context.temporary_file,
        strip=strip,
    )
