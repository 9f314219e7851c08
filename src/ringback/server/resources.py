"""The resources that all roles of a process share: store, clock, services, loops."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cached_property
from random import Random

from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.dial import system_trust
from ringback.egress.fetcher import Download, Fetcher
from ringback.egress.transport import ClientSettings
from ringback.files.artifacts.watched import WatchedArtifacts
from ringback.files.media.inspector import Inspector
from ringback.files.private_folders import DATA_NAMES, keep_out_of_git, narrow_folder
from ringback.files.temporary import TemporaryFiles
from ringback.jobs.admission import Limits
from ringback.maintenance.drain_switch import DrainSwitch
from ringback.server.adapters import artifacts_for
from ringback.server.disk_guard import DiskGuard
from ringback.server.factories import (
    catalogue_for,
    input_policy_for,
    operator_signing_for,
    own_urls_for,
    policy_for,
    proxy_for,
    resolver_for,
    result_policy_for,
)
from ringback.server.lab import lab_for
from ringback.server.services import ids_of, sealer_for
from ringback.server.settings_checks import check_authorities
from ringback.server.supervisor import TaskSupervisor
from ringback.server.upstream_engines import Upstreams
from ringback.service import JobService
from ringback.service.assets import AssetService, Sanitize
from ringback.service.media_inputs import MediaInputs
from ringback.service.request_files import RequestFiles
from ringback.service.secrets import SigningKeyService
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.signers import SignerCache


class Resources:
    """The parts that exist once in a process, whichever roles it has."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        listening: tuple[str, int] | None,
        wakeups: Wakeups | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.wakeups = wakeups or Wakeups()
        # In dev, the lab can move the time, unless the caller passes a clock.
        self.lab = lab_for(settings) if clock is None else None
        self.clock: Clock = clock or (store.clock if self.lab is None else self.lab.clock)
        self.rng = rng or Random()
        self.started_ms = self.clock.now_ms()
        self.ids = ids_of(self.clock)
        if not settings.is_alone:
            # With SQLite, opening the database has narrowed the directory.
            narrow_folder(settings.data, names=DATA_NAMES)
        keep_out_of_git(settings.data, names=DATA_NAMES)
        self.own_urls = own_urls_for(settings, listening)
        self.artifacts = WatchedArtifacts(artifacts_for(settings, self.clock))
        self.policy = policy_for(settings, listening)
        self.input_policy = input_policy_for(settings, listening)
        self.result_policy = result_policy_for(settings, listening)
        self.proxy = proxy_for(settings)
        check_authorities(os.environ)
        self.trust = system_trust(settings.ca_file)
        self.resolver = resolver_for(settings)
        self.fetcher = self._new_fetcher()
        self.media_inputs = MediaInputs(
            self.own_urls, artifacts=self.artifacts, assets=store, policy=self.input_policy
        )
        self.sealer = sealer_for(settings)
        self.signers = SignerCache(
            store,
            store,
            unsealer=self.sealer,
            clock=self.clock,
            operator=operator_signing_for(settings),
        )
        self.keys = SigningKeyService(store, self.sealer, clock=self.clock, ids=self.ids)
        self.room_for_work = _room_for_work(settings, self.clock, store)
        self.incoming = TemporaryFiles(settings.data / "uploads")
        self.inspector = Inspector()
        self.upstreams = self._new_upstreams()
        self.service = self._new_service()
        self.loops = TaskSupervisor(self.clock)
        self.process_id = f"{socket.gethostname()}-{os.getpid()}"
        self.drain_switch = DrainSwitch(store)

    def _new_fetcher(self) -> Fetcher:
        settings = ClientSettings(
            dns_timeout_s=self.settings.webhook_dns_timeout_s, egress_proxy=self.proxy
        )
        return Fetcher(
            self.input_policy,
            settings=settings,
            resolver=self.resolver,
            ssl_context=self.trust,
            clock=self.clock,
        )

    def _new_upstreams(self) -> Upstreams:
        return Upstreams(
            self.settings,
            self.result_policy,
            proxy=self.proxy,
            resolver=self.resolver,
            ssl_context=self.trust,
            wakes=self.wakeups.provider_webhooks,
            notify_peers=self.store.pass_on,
            temporary_file=self.incoming.new_file,
            strip=self.inspector.strip,
        )

    def _new_service(self) -> JobService:
        settings = self.settings
        limits = Limits(
            active_max=settings.active_max,
            backlog_max=settings.backlog_max,
            rate=settings.submit_rate,
        )
        return JobService(
            self.store,
            clock=self.clock,
            ids=self.ids,
            limits=limits,
            wakeups=self.wakeups,
            room_for_work=self.room_for_work,
            files=RequestFiles(self.artifacts),
        )

    def asset_service(
        self, *, download: Download | None = None, sanitize: Sanitize | None = None
    ) -> AssetService:
        """Return the asset service; by default it parses files in a separate process."""
        return AssetService(
            self.store,
            artifacts=self.artifacts,
            incoming=self.incoming,
            sanitize=sanitize or self.inspector.sanitize,
            download=download or self.fetcher.download,
            clock=self.clock,
            ids=self.ids,
            bytes_max=self.settings.assets_bytes_max,
        )

    def close(self) -> None:
        """Close the connections and threads that all roles share."""
        self.fetcher.close()
        self.upstreams.close()
        self.resolver.close()

    def away(self) -> tuple[str, ...]:
        """Return the names of required parts that cannot be reached."""
        is_away = {
            "the database": self.store.is_away,
            "the store of artifacts": self.artifacts.is_away,
        }
        return tuple(name for name, away in is_away.items() if away)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue of all models, read at its first use."""
        return catalogue_for(self.settings)


def _room_for_work(settings: Settings, clock: Clock, store: Store) -> Callable[[], None]:
    """Return the check that refuses new work on a full or missing disk, if data is on one."""
    if settings.database is not None and settings.artifacts_url is not None:
        return lambda: None
    is_gone = (lambda: store.is_away) if settings.is_alone else (lambda: False)
    return DiskGuard(settings, clock, is_gone=is_gone).check
