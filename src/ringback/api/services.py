"""The services that the API uses, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from ringback.api.routes.lab import Lab, ResetWorkspace
from ringback.api.routes.provider_webhooks import TakeProviderWebhook
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.policy import TargetPolicy
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.own_urls import OwnUrls
from ringback.files.assets.store import AssetStore
from ringback.files.temporary import TemporaryFiles
from ringback.http.feed_cursors import FeedCursors
from ringback.service import JobService
from ringback.service.activity import ActivityService
from ringback.service.assets import AssetService
from ringback.service.bulk_operations import BulkOperationService
from ringback.service.deliveries import DeliveryService
from ringback.service.endpoints import EndpointService
from ringback.service.feed import EventFeed
from ringback.service.intake import FaultChooser
from ringback.service.listener_sessions import ListenerSession
from ringback.service.listeners import ListenerService
from ringback.service.node_apps import NodeAppService
from ringback.service.secrets import SigningKeyService
from ringback.service.styles import StyleService
from ringback.service.usage import UsageService
from ringback.settings import Settings
from ringback.storage.contract import WorkspaceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything that the routes use; there is no other state."""

    service: JobService
    deliveries: DeliveryService
    activity: ActivityService
    feed: EventFeed
    endpoints: EndpointService
    listeners: ListenerService
    listening: ListenerSession
    bulk_operations: BulkOperationService
    usage: UsageService
    catalogue: Catalogue
    apps: NodeAppService
    policy: TargetPolicy
    input_policy: TargetPolicy
    artifacts: ArtifactStore
    own_urls: OwnUrls
    assets: AssetService
    asset_rows: AssetStore
    styles: StyleService
    incoming: TemporaryFiles  # uploads, until they are assets
    room_for_work: Callable[[], None]
    workspaces: WorkspaceStore
    keys: SigningKeyService
    settings: Settings
    clock: Clock
    cursors: FeedCursors
    reset: ResetWorkspace
    lab: Lab | None = None  # only the emulator has one, and faults
    faults: FaultChooser | None = None
    pages: ASGIApp | None = None  # the dashboard, under /ui
    tools: ASGIApp | None = None  # the tools, at /mcp
    unavailable: Callable[[], Sequence[str]] = tuple  # names of services that jobs need
    broken_loops: Callable[[], Sequence[str]]
    take_provider_webhook: TakeProviderWebhook | None = None
