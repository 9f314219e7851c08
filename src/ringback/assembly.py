"""What the settings mean for the parts of a server: pure, but for reading files that they name."""

from __future__ import annotations

import re

from ringback.apps.model import ENGINE as RUNS
from ringback.artifacts.contract import ArtifactStore
from ringback.assets.incoming import Incoming
from ringback.assets.shelf import Assets
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.fetch import Fetch
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, parse_proxy
from ringback.egress.url import MalformedTarget, parse_target
from ringback.errors import InvalidFaults, SetupError
from ringback.ids import Ids
from ringback.lab.script import Script, load_script
from ringback.media.inspector import Inspector
from ringback.service.assets import AssetDesk
from ringback.service.styles import StyleDesk
from ringback.settings import Settings
from ringback.styles.shelf import Styles
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.dispatcher import DispatchSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.schedule import SCHEDULE_S
from ringback.webhooks.signing import Signing
from ringback.wire.signature import Signer

ENGINES = ("sketch", "null")
"""The engines that every server has."""
_ENGINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

STYLED_ENGINES = ("sketch",)
"""Those that draw in the styles that were trained here."""


def catalogue_for(settings: Settings) -> Catalogue:
    """Return the built-in models and the user's, each with its engine, or raise ``SetupError``."""
    catalogue = Catalogue.load(settings.models, settings.providers).routed(settings.routes)
    catalogue.check_engines(engines_of(settings))
    return catalogue


def engines_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of all engines: those that every server has, and the config file's."""
    for name in settings.upstreams:
        if name in (*ENGINES, RUNS) or not _ENGINE_NAME.fullmatch(name):
            raise SetupError(
                f"An engine cannot be called {name!r}; take lower-case letters, digits and dashes, "
                f"and none of {', '.join((*ENGINES, RUNS))}."
            )
    return (*ENGINES, *settings.upstreams)


def asset_desk(
    assets: Assets,
    settings: Settings,
    artifacts: ArtifactStore,
    incoming: Incoming,
    fetch: Fetch,
    clock: Clock,
    ids: Ids,
) -> AssetDesk:
    """Return the verbs on assets; files are looked at in a process of their own."""
    return AssetDesk(
        assets,
        artifacts=artifacts,
        incoming=incoming,
        take_in=Inspector().take_in,
        fetch=fetch,
        clock=clock,
        ids=ids,
        bytes_max=settings.assets_bytes_max,
    )


def style_desk(styles: Styles, artifacts: ArtifactStore) -> StyleDesk:
    """Return the verbs on styles."""
    return StyleDesk(styles, artifacts=artifacts, engines=STYLED_ENGINES)


def policy_for(settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    """Return what may be called; where we listen never may."""
    own = frozenset() if listening is None else frozenset({listening})
    if settings.is_dev:
        return TargetPolicy.dev(own_addresses=own)
    return TargetPolicy.server(allow_http=settings.webhook_http, own_addresses=own)


def proxy_for(settings: Settings) -> EgressProxy | None:
    """Return the proxy that requests go out through, or raise ``SetupError``."""
    if settings.egress_proxy is None:
        return None
    try:
        return parse_proxy(settings.egress_proxy)
    except ValueError as exc:
        raise SetupError(f"The setting egress_proxy is wrong: {exc}.") from exc


def dispatching_for(settings: Settings) -> DispatchSettings:
    """Return how webhooks are dispatched."""
    return DispatchSettings(
        concurrency=settings.webhook_concurrency,
        concurrency_per_destination=settings.webhook_concurrency_per_destination,
        rate=settings.webhook_rate,
        rate_per_destination=settings.webhook_rate_per_destination,
        timeout_s=settings.webhook_timeout_s,
        schedule_s=settings.webhook_schedule_s or SCHEDULE_S,
        breaker=BreakerSettings(
            failures_max=settings.breaker_failures_max,
            pause_s=settings.breaker_pause_s,
            pause_s_max=settings.breaker_pause_s_max,
            flight_max=settings.webhook_concurrency_per_destination,
        ),
        failing=FailingSettings(disable_after_s=settings.endpoint_disable_after_s),
    )


def script_for(settings: Settings) -> Script | None:
    """Return the fault script in force, or raise ``SetupError``."""
    if settings.lab is None:
        return None
    try:
        return load_script(settings.lab)
    except InvalidFaults as exc:
        raise SetupError(str(exc)) from exc


def operator_signing_for(settings: Settings) -> Signing | None:
    """Return how the operator's webhooks are signed; None when there are none."""
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
