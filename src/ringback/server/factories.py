"""Translates the settings into the parts of a server: pure, except that it reads named files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.inputs import EngineInputs
from ringback.catalogue.model import Model
from ringback.egress.allow_lists import (
    OF_INPUTS,
    OF_INPUTS_THROUGH_A_PROXY,
    OF_RESULTS,
    Network,
    parse_host_patterns,
    parse_networks,
)
from ringback.egress.name_servers import NameServer, parse_name_servers
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, parse_proxy
from ringback.egress.resolver import SystemResolver
from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.upstream.factory import read_table
from ringback.engines.upstream.registry import TYPES
from ringback.errors import SetupError
from ringback.files.artifacts.own_urls import OwnUrls
from ringback.node_apps.model import ENGINE as NODE_APPS
from ringback.settings import Settings
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.delivery.dispatcher import DispatchSettings
from ringback.webhooks.delivery.signers import Signing
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.schedule import SCHEDULES
from ringback.wire.signature import Signer

T = TypeVar("T")

SKETCH = "sketch"
ENGINES = (SKETCH, "null")
"""The engines that every server has."""
_NAMES_SHOWN = 3
_ENGINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

STYLED_ENGINES = (SKETCH,)
"""The engines that use the style files of this server."""
DRAWING_ENGINES = frozenset({SKETCH})
"""Engines that draw by a seed: a job for which none was given gets one of its own."""


def catalogue_for(settings: Settings) -> Catalogue:
    """Return the built-in models and the user's, each with its engine, or raise ``SetupError``.

    A server's models that are only drawn cost nothing, unless ``charge_drawings`` is set.
    """
    inputs = EngineInputs(upstream=frozenset(settings.upstreams), drawing=DRAWING_ENGINES)
    catalogue = Catalogue.load(settings.models, settings.providers, as_of=settings.krea_as_of)
    catalogue = catalogue.routed(settings.routes, inputs=inputs)
    catalogue.check_engines(engines_of(settings))
    for name, table in settings.upstreams.items():
        served = [(model.kind, model.id) for model in catalogue.all if model.engine == name]
        read_table(name, table, TYPES).check_models(name, served)
    _check_worker_models(settings, catalogue)
    if settings.is_dev or settings.charge_drawings:
        return catalogue
    return catalogue.without_prices_of(partial(is_drawn, settings=settings))


def is_drawn(model: Model, *, settings: Settings) -> bool:
    """Say whether a model's results are drawings of the sketch engine, and no model's."""
    enhances = model.kind == "enhance" and settings.enhance_weights is not None
    return model.engine == SKETCH and not enhances


def drawn_models(settings: Settings) -> tuple[list[str], int]:
    """Return the names of the models that are only drawn, and how many models there are."""
    catalogue = catalogue_for(settings)
    drawn = [f"{one.kind}/{one.id}" for one in catalogue if is_drawn(one, settings=settings)]
    return drawn, len(catalogue)


def sentence_on_drawings(settings: Settings) -> str | None:
    """Return the sentence that says which models are only drawn, or None where none is."""
    names, count = drawn_models(settings)
    if not names:
        return None
    shown = ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > _NAMES_SHOWN else "")
    price = "cost their price" if settings.charge_drawings else "cost nothing"
    return (
        f"{len(names)} of {count} models are only drawn by {SKETCH}, the built-in engine, and "
        f"{price}: {shown}. Let an engine of a provider serve them: docs/upstream.md says how."
    )


def _check_worker_models(settings: Settings, catalogue: Catalogue) -> None:
    """Raise ``SetupError`` for a name in worker_models whose jobs this process would never run."""
    served = {
        model.id
        for model in catalogue.all
        if not settings.worker_engines or model.engine in settings.worker_engines
    }
    for name in settings.worker_models:
        if name not in catalogue.ids:
            near = get_close_matches(name, sorted(catalogue.ids), n=1)
            hint = f"did you mean {near[0]}?" if near else "ringback models lists them."
            raise SetupError(f"The setting worker_models has {name!r}, which is no model; {hint}")
        if name not in served:
            raise SetupError(
                f"The setting worker_models has {name!r}, which none of the engines in "
                "worker_engines serves; correct one of the two."
            )


def engines_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of all engines: those that every server has, and the config file's."""
    for name in settings.upstreams:
        if name in (*ENGINES, NODE_APPS) or not _ENGINE_NAME.fullmatch(name):
            raise SetupError(
                f"An engine cannot be called {name!r}; take lower-case letters, digits and dashes, "
                f"and none of {', '.join((*ENGINES, NODE_APPS))}."
            )
    return (*ENGINES, *settings.upstreams)


def policy_for(settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    """Return which targets webhooks may call; our own address never may. Raises ``SetupError``."""
    policy = replace(
        _policy(settings, listening),
        allow_hosts=_checked(parse_host_patterns, settings.webhook_hosts, "webhook_hosts"),
    )
    if settings.webhook_networks is not None:
        networks = _checked(parse_networks, settings.webhook_networks, "webhook_networks")
        policy = replace(policy, allow_networks=networks)
    if policy.ports is not None:
        policy = replace(policy, ports=policy.ports | frozenset(settings.webhook_ports))
    return policy


def input_policy_for(settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    """Return which URLs are fetched as inputs; our own address never is. Raises ``SetupError``."""
    resolves_names = settings.egress_proxy is None
    policy = replace(
        _policy(settings, listening),
        remedies=OF_INPUTS if resolves_names else OF_INPUTS_THROUGH_A_PROXY,
        networks_are_open=True,
        resolves_names=resolves_names,
    )
    if settings.input_networks is None:
        return policy
    networks = _checked(parse_networks, settings.input_networks, "input_networks")
    return replace(policy, allow_networks=networks)


def result_policy_for(settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    """Return which URLs of results are fetched, beside a provider's own."""
    return replace(_policy(settings, listening), remedies=OF_RESULTS)


def _policy(settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    own = frozenset() if listening is None else frozenset({listening})
    if settings.is_dev:
        return TargetPolicy.dev(own_addresses=own)
    return TargetPolicy.server(allow_http=settings.webhook_http, own_addresses=own)


def own_urls_for(settings: Settings, listening: tuple[str, int] | None) -> OwnUrls:
    """Return the URLs that are this server's."""
    return OwnUrls(
        settings.own_names,
        answers_any_host=settings.answers_any_host,
        public_url=settings.public_url,
        listening=listening or (settings.host, settings.port),
    )


def _checked(parse: Callable[[Iterable[str]], T], texts: Iterable[str], setting: str) -> T:
    try:
        return parse(texts)
    except ValueError as exc:
        raise SetupError(f"The setting {setting} {exc}.") from exc


def trusted_proxies_for(settings: Settings) -> tuple[Network, ...]:
    """Return the networks of the proxies in front, or raise ``SetupError``."""
    return _checked(parse_networks, settings.trusted_proxies, "trusted_proxies")


def proxy_for(settings: Settings) -> EgressProxy | None:
    """Return the proxy of outgoing requests, if any, or raise ``SetupError``."""
    if settings.egress_proxy is None:
        return None
    try:
        return parse_proxy(settings.egress_proxy)
    except ValueError as exc:
        raise SetupError(f"The setting egress_proxy is wrong: {exc}.") from exc


def name_servers_for(settings: Settings) -> tuple[NameServer, ...]:
    """Return the name servers that the settings name, or raise ``SetupError``."""
    try:
        return parse_name_servers(settings.dns_servers)
    except ValueError as exc:
        raise SetupError(f"The setting dns_servers is wrong: {exc}.") from exc


def resolver_for(settings: Settings) -> SystemResolver:
    """Return the resolver of the process, or raise ``SetupError``."""
    return SystemResolver(name_servers_for(settings), timeout_s=settings.webhook_dns_timeout_s)


def dispatching_for(settings: Settings) -> DispatchSettings:
    """Return the settings of the dispatcher."""
    return DispatchSettings(
        concurrency=settings.webhook_concurrency,
        concurrency_per_destination=settings.webhook_concurrency_per_destination,
        rate=settings.webhook_rate,
        rate_per_destination=settings.webhook_rate_per_destination,
        timeout_s=settings.webhook_timeout_s,
        schedule_s=settings.webhook_schedule_s or SCHEDULES[settings.schedule],
        breaker=BreakerSettings(
            failures_max=settings.breaker_failures_max,
            pause_s=settings.breaker_pause_s,
            pause_s_max=settings.breaker_pause_s_max,
            flight_max=settings.webhook_concurrency_per_destination,
        ),
        failing=FailingSettings(disable_after_s=settings.endpoint_disable_after_s),
    )


def operator_signing_for(settings: Settings) -> Signing | None:
    """Return how the operator's webhooks are signed; None without an operator webhook."""
    url = settings.operator_webhook_url
    if url is None:
        return None
    try:
        parse_target(url)
        return Signing(signers=(Signer(settings.operator_webhook_secret or ""),))
    except (MalformedTarget, ValueError) as exc:
        raise SetupError(
            f"The operator's webhook cannot be used ({exc}); set operator_webhook_url to an "
            "http or https URL and operator_webhook_secret to whsec_ and base64."
        ) from exc
