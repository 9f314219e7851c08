"""Builds the parts of the lab that wrap those of a development server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path

from ringback.clock import Clock
from ringback.engines.contract import Engine
from ringback.lab.clock import LabClock
from ringback.lab.faulty_engine import Cancel, FaultyEngine
from ringback.lab.faulty_webhooks import FaultyAttempter, FaultyRequestBuilder
from ringback.lab.job_faults import JobFaults
from ringback.lab.stepping import Stepping, forget_ahead, kept_ahead_ms
from ringback.server.lab_script import script_for
from ringback.settings import Settings
from ringback.webhooks.delivery.dispatcher import Dispatcher
from ringback.webhooks.delivery.listener_requests import SignedRequestBuilder
from ringback.webhooks.delivery.signed_attempt import Attempter, SignedSender


class Lab:
    """Wraps parts so that they inject faults, in a time that can be moved."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock = LabClock(ahead_ms=kept_ahead_ms(settings.data))

    def attempter(self, sender: SignedSender) -> Attempter:
        """Return an attempter that injects the faults of webhooks."""
        return FaultyAttempter(sender, self.clock)

    def request_builder(self) -> SignedRequestBuilder:
        """Return a builder that injects the faults of listeners' requests."""
        return FaultyRequestBuilder(self.clock)

    def engine(self, engine: Engine, *, clock: Clock, cancel: Cancel) -> Engine:
        """Return an engine that injects the faults of jobs."""
        return FaultyEngine(engine, clock=clock, cancel=cancel, answer=self.faults.answer)

    @cached_property
    def faults(self) -> JobFaults:
        """The decision on each submission's faults; raises ``SetupError`` for a wrong script."""
        return JobFaults(script_for(self._settings))

    def stepping(
        self, dispatcher: Dispatcher, *, next_due_ms: Callable[[], Awaitable[int | None]]
    ) -> Stepping:
        """Return the control that moves the time on."""
        return Stepping(
            self.clock,
            next_due_ms=next_due_ms,
            dispatch=lambda: _all_sent(dispatcher),
            directory=self._settings.data,
        )


def lab_for(settings: Settings) -> Lab | None:
    """Return the lab of a development server; any other server drops a time that was moved."""
    if settings.is_dev:
        return Lab(settings)
    forget_ahead(settings.data)
    return None


def moved_clock(clock: Clock, directory: Path) -> Clock:
    """Return the clock of a data directory, whose time an emulator may have moved."""
    return LabClock(clock, ahead_ms=kept_ahead_ms(directory))


async def _all_sent(dispatcher: Dispatcher) -> int:
    """Send everything that is due; return how many attempts that took."""
    before = dispatcher.attempts_count
    while await dispatcher.run_once() or dispatcher.is_busy:
        await dispatcher.settled()
    return dispatcher.attempts_count - before
