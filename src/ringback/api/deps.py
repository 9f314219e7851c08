"""What the API is built on, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from ringback.api.hooks import TakeHook
from ringback.api.lab import AskedFaults, Lab
from ringback.artifacts.contract import ArtifactStore
from ringback.assets.incoming import Incoming
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.policy import TargetPolicy
from ringback.service import Service
from ringback.service.apps import AppDesk
from ringback.service.assets import AssetDesk
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import DeliveryDesk
from ringback.service.endpoints import EndpointDesk
from ringback.service.feed import EventFeed
from ringback.service.listeners import ListenerDesk
from ringback.service.listening import Listening
from ringback.service.secrets import KeyDesk
from ringback.service.styles import StyleDesk
from ringback.service.usage import UsageDesk
from ringback.settings import Settings
from ringback.storage.contract import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDeps:
    """Everything that the routes use; there is no other state."""

    service: Service
    deliveries: DeliveryDesk
    feed: EventFeed
    endpoints: EndpointDesk
    listeners: ListenerDesk
    listening: Listening
    chores: ChoreDesk
    usage: UsageDesk
    catalogue: Catalogue
    apps: AppDesk
    policy: TargetPolicy
    artifacts: ArtifactStore
    assets: AssetDesk
    styles: StyleDesk
    incoming: Incoming  # where uploads lie until they are assets
    room_for_work: Callable[[], None]
    workspaces: Workspaces
    keys: KeyDesk
    settings: Settings
    clock: Clock
    lab: Lab | None = None  # the emulator's alone, as are the faults
    faults: AskedFaults | None = None
    pages: ASGIApp | None = None  # what answers under /ui
    tools: ASGIApp | None = None  # what answers at /mcp
    broken_loops: Callable[[], Sequence[str]]
    take_hook: TakeHook | None = None  # what providers' webhooks come to
