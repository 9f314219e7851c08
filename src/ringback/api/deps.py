"""What the API is built on, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringback.artifacts.contract import ArtifactStore
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.policy import TargetPolicy
from ringback.service import Service
from ringback.service.endpoints import EndpointDesk
from ringback.service.secrets import KeyDesk
from ringback.settings import Settings
from ringback.storage.contract import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDeps:
    """Everything that the routes use; there is no other state."""

    service: Service
    endpoints: EndpointDesk
    catalogue: Catalogue
    policy: TargetPolicy
    artifacts: ArtifactStore
    workspaces: Workspaces
    keys: KeyDesk
    settings: Settings
    clock: Clock
    ready: Callable[[], bool]
