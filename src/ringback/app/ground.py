"""What every role of a process stands on: one store, one clock, the verbs, the loops."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cached_property

from ringback.app.adapters import artifacts_for
from ringback.app.upstreams import Upstreams
from ringback.assembly import catalogue_for, operator_signing_for, policy_for, proxy_for
from ringback.assets.incoming import Incoming
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.desks import ids_of, sealer_for
from ringback.disk import DiskGuard
from ringback.doorbell import Bells
from ringback.egress.fetch import Fetcher, FetcherSettings
from ringback.gate import Gate
from ringback.jobs.admission import Limits
from ringback.lab.clock import LabClock
from ringback.lab.stepping import forget_ahead, kept_ahead_ms
from ringback.loops import Loops
from ringback.service import Service
from ringback.service.secrets import KeyDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.webhooks.signing import SigningBook


class Ground:
    """The parts that are there once, whatever the process is for."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        listening: tuple[str, int] | None,
        bells: Bells | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        if not settings.is_dev:
            forget_ahead(settings.data)
        self.store = store
        self.bells = bells or Bells()
        # In dev, everything lives in a time that can be moved.
        self.lab_clock = (
            LabClock(ahead_ms=kept_ahead_ms(settings.data)) if settings.is_dev else None
        )
        self.clock: Clock = clock or self.lab_clock or store.clock
        self.started_ms = self.clock.now_ms()
        self.ids = ids_of(self.clock)
        self.artifacts = artifacts_for(settings, self.clock)
        self.policy = policy_for(settings, listening)
        self.proxy = proxy_for(settings)
        self.fetcher = Fetcher(
            self.policy, settings=FetcherSettings(egress_proxy=self.proxy), clock=self.clock
        )
        self.sealer = sealer_for(settings)
        self.book = SigningBook(
            store,
            store,
            unsealer=self.sealer,
            clock=self.clock,
            operator=operator_signing_for(settings),
        )
        self.keys = KeyDesk(store, self.sealer, clock=self.clock, ids=self.ids)
        self.room_for_work = _room_for_work(settings, self.clock)
        self.incoming = Incoming(settings.data / "uploads")
        self.upstreams = Upstreams(
            settings,
            self.policy,
            proxy=self.proxy,
            wakes=self.bells.hooked,
            pass_on=store.pass_on,
            place=self.incoming.place,
        )
        self.service = Service(
            store,
            clock=self.clock,
            ids=self.ids,
            limits=Limits(
                active_max=settings.active_max,
                backlog_max=settings.backlog_max,
                rate=settings.submit_rate,
            ),
            bells=self.bells,
            room_for_work=self.room_for_work,
        )
        self.loops = Loops(self.clock)
        self.process_id = f"{socket.gethostname()}-{os.getpid()}"
        self.gate = Gate(store, clock=self.clock)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every model, read when it is first asked for."""
        return catalogue_for(self.settings)


def _room_for_work(settings: Settings, clock: Clock) -> Callable[[], None]:
    """Return what keeps new work off a disk that is nearly full, if anything is kept on one."""
    if settings.database is not None and settings.artifacts_url is not None:
        return lambda: None
    return DiskGuard(settings, clock).check
