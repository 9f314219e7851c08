"""The dispatcher: claim what is due, have it carried, judge the answer, record the attempt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from msgspec import Struct, field

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import StorageFull, Undeliverable
from ringback.log import get_logger
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.courier import Attempted, Carrier
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.events import PASSING_EVENTS, TERMINAL_EVENTS
from ringback.webhooks.judgement import Rules, recording_of
from ringback.webhooks.lines import AtHand, Lines, LineSettings
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.outbox import Outbox, Recorded, Recording
from ringback.webhooks.passing import PassingAttempts
from ringback.webhooks.schedule import SCHEDULE_S

log = get_logger(__name__)

_LOOK_AGAIN_S = 1.0  # deliveries may be owed by another process, which rings no bell here
_PATIENCE_S = 1.0
_FRESH_S = 0.25  # a delivery that was claimed so lately is believed to be due
_TICK_S = 0.001  # no clock is waited on for less


class DispatchSettings(Struct, frozen=True, kw_only=True):
    """How many attempts at once and a second, how long each, and when to try again."""

    concurrency: int = 256
    concurrency_per_destination: int = 8
    rate: float = 0.0
    rate_per_destination: float = 0.0
    timeout_s: float = 15.0
    schedule_s: tuple[float, ...] = SCHEDULE_S
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    failing: FailingSettings = field(default_factory=FailingSettings)

    @property
    def rules(self) -> Rules:
        """By what its attempts are judged."""
        return Rules(schedule_s=self.schedule_s, breaker=self.breaker, failing=self.failing)

    @property
    def lease_s(self) -> float:
        """How long a claim lasts: two attempts' time, and some for recording."""
        return 2 * self.timeout_s + min(10.0, 4 * self.timeout_s)


class Dispatcher:
    """Brings deliveries to their receivers until it is drained.

    A slow destination fills its own places and nothing else: so many attempts of it are in flight,
    a few more wait at hand, and claims pass over it meanwhile.
    """

    def __init__(
        self,
        outbox: Outbox,
        carrier: Carrier,
        *,
        clock: Clock,
        rng: Random,
        bells: Bells,
        settings: DispatchSettings,
        may_claim: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_claim = may_claim
        self._outbox = outbox
        self._carrier = carrier
        self._clock = clock
        self._rng = rng
        self._bells = bells
        self._settings = settings
        self._rules = settings.rules
        self._lines = Lines(
            LineSettings(
                concurrency=settings.concurrency,
                concurrency_each=settings.concurrency_per_destination,
                rate=settings.rate,
                rate_each=settings.rate_per_destination,
            )
        )
        self._at_hand_each = self._lines.at_hand_each
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing = PassingAttempts()
        self._resuming: asyncio.Task[None] | None = None
        self._looked_at_ms = 0
        self._attempts_count = 0
        self._draining = False
        self._claiming = asyncio.Lock()
        # Asked once: a line that is not written costs as much as signing, for each delivery.
        self._tells_successes = log.is_enabled_for(logging.DEBUG)

    @property
    def attempts_count(self) -> int:
        """How many attempts it has made and recorded."""
        return self._attempts_count

    @property
    def is_busy(self) -> bool:
        """Say whether an attempt is being made or recorded."""
        return bool(self._tasks)

    @property
    def in_flight_count(self) -> int:
        """How many attempts are being made."""
        return self._lines.active_count

    async def run(self) -> None:
        """Send what is due until the dispatcher is drained."""
        while not self._draining:
            try:
                claimed = await self.run_once()
            except StorageFull:
                # A full disk stops claims, which are writes; the log says so and we look again.
                log.warning("storage_full", waiting_s=_PATIENCE_S)
                await self._clock.sleep(_PATIENCE_S)
                continue
            if not claimed:
                bell = self._bells.owed
                await bell.wait(0.0 if bell.is_rung else await self._idle_s())

    async def run_once(self) -> int:
        """Claim what is due and there is room for, and begin sending it; return how many."""
        async with self._claiming:
            return await self._claim_and_send()

    async def _claim_and_send(self) -> int:
        room = self._lines.room
        if room <= 0 or self._draining or not self._may_claim():
            return 0
        lease_s = self._settings.lease_s
        now_ms = self._looked_at_ms = self._clock.now_ms()
        # Until then a whole attempt fits into the lease, and its recording.
        claimed_at = self._clock.monotonic()
        usable_until = claimed_at + lease_s - 1.5 * self._settings.timeout_s
        claimed = await self._outbox.claim_due(
            now_ms=now_ms,
            limit=room,
            limit_each=self._at_hand_each,
            lease_until_ms=now_ms + int(lease_s * 1000),
            rooms=self._lines.rooms(),
            passing_rooms=self._lines.passing_rooms(),
        )
        for delivery in claimed:
            self._lines.add(AtHand(delivery, claimed_at, usable_until))
        self._send_ready()
        return len(claimed)

    async def drain(self, timeout_s: float) -> None:
        """Claim once more, then let attempts in flight end for that long; give the rest back.

        The last claim is for the jobs that ended while the worker was drained.
        """
        with suppress(StorageFull):
            await self.run_once()
        self._draining = True
        async with self._claiming:
            pass  # a claim that was under way has begun its attempts
        self._bells.owed.ring()
        with suppress(StorageFull):  # then their leases' end gives them back
            await self._give_back(self._lines.take_all_back())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        left = list(self._tasks)
        if self._resuming is not None:
            left.append(self._resuming)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def settled(self) -> None:
        """Return when nothing that was claimed is still being sent or recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _send_ready(self) -> None:
        """Begin the attempts whose turn it is."""
        now = self._clock.monotonic()
        while (held := self._lines.next(now)) is not None:
            task = asyncio.create_task(self._carry(held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        wait_s = self._lines.wait_s(now)
        if wait_s is not None and self._resuming is None and not self._draining:
            self._resuming = asyncio.create_task(self._resume_after(wait_s))

    async def _resume_after(self, wait_s: float) -> None:
        """Go on once a rate allows it."""
        await self._clock.sleep(max(wait_s, _TICK_S))
        self._resuming = None
        self._send_ready()

    async def _carry(self, held: AtHand) -> None:
        delivery = held.delivery
        try:
            if await self._may_go(held):
                await self._deliver(delivery)
            else:
                self._leave(delivery)
                await self._give_back([delivery])
        except StorageFull:
            log.warning("storage_full", delivery_id=delivery.delivery_id)
        except Exception:
            # The lease's end gives the delivery back; the others must go on.
            log.exception("dispatcher_broke", delivery_id=delivery.delivery_id)

    async def _may_go(self, held: AtHand) -> bool:
        """Say whether the delivery is still to be sent, and its lease lasts for a whole attempt."""
        now = self._clock.monotonic()
        if now > held.usable_until:
            return False
        # A person may have cancelled it while it waited at hand.
        is_fresh = now - held.claimed_at < _FRESH_S
        return is_fresh or await self._outbox.is_held(held.delivery)

    def _leave(self, delivery: Delivery) -> None:
        """Free the delivery's place for whoever's turn is next."""
        self._lines.done(delivery, self._clock.monotonic())
        self._send_ready()
        self._bells.owed.ring()

    async def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            now_ms = self._clock.now_ms()
            await self._outbox.release_deliveries(deliveries, now_ms=now_ms)

    async def _deliver(self, delivery: Delivery) -> None:
        started_at_ms = self._clock.now_ms()
        try:
            attempted = await self._attempt(delivery, now_ms=started_at_ms)
        except Undeliverable as exc:
            log.warning("delivery_discarded", delivery_id=delivery.delivery_id, detail=str(exc))
            await self._outbox.end_delivery(
                delivery, DeliveryStatus.DISCARDED, now_ms=self._clock.now_ms()
            )
            return
        finally:
            # Recording takes a commit; the destination need not wait for it.
            self._leave(delivery)
        if attempted is None:
            return
        now_ms = self._clock.now_ms()
        recording = recording_of(
            delivery,
            attempted,
            started_at_ms=started_at_ms,
            now_ms=now_ms,
            rules=self._rules,
            rng=self._rng,
        )
        after = recording.delivery
        recorded = await self._record(recording)
        self._attempts_count += 1
        if self._tells_successes or after.status is not DeliveryStatus.DELIVERED:
            log_attempt(recording, detail=attempted.answer.detail)
        if recorded.paused:
            await self._give_back(self._lines.take_back(delivery.destination_id))
        if not recorded.written:
            log.warning("lease_lost", delivery_id=delivery.delivery_id)
        if after.next_attempt_at_ms is not None or recorded.paused:
            self._bells.owed.ring()  # the next due time may have moved closer

    async def _attempt(self, delivery: Delivery, *, now_ms: int) -> Attempted | None:
        """Make the attempt; None when it is of a job that has ended meanwhile.

        After a job's end is told nothing else of it is: what is under way is broken off first.
        """
        if delivery.event in PASSING_EVENTS:
            attempt = self._attempt_if_held(delivery, now_ms=now_ms)
            return await self._passing.make(delivery.job_id, attempt)
        if delivery.event in TERMINAL_EVENTS:
            await self._passing.silence(delivery.job_id)
        return await self._carrier.attempt(delivery, now_ms=now_ms)

    async def _attempt_if_held(self, delivery: Delivery, *, now_ms: int) -> Attempted | None:
        if not await self._outbox.is_held(delivery):
            return None
        return await self._carrier.attempt(delivery, now_ms=now_ms)

    async def _record(self, recording: Recording) -> Recorded:
        """Write the attempt, however long the disk takes to have room for it."""
        while True:
            try:
                return await self._outbox.record_attempt(recording)
            except StorageFull:
                log.warning("storage_full", delivery_id=recording.delivery.delivery_id)
                await self._clock.sleep(_PATIENCE_S)

    async def _idle_s(self) -> float:
        due_ms = await self._outbox.next_due_ms()
        # What was due at the last look and was not claimed has no room; a freed place rings.
        if due_ms is None or due_ms <= self._looked_at_ms:
            return _LOOK_AGAIN_S
        return min(max((due_ms - self._clock.now_ms()) / 1000, 0.001), _LOOK_AGAIN_S)


def log_attempt(recording: Recording, *, detail: str) -> None:
    """Say in the log what became of an attempt."""
    delivery, attempt = recording.delivery, recording.attempt
    say = log.debug if delivery.status is DeliveryStatus.DELIVERED else log.warning
    say(
        "delivery_attempted",
        delivery_id=delivery.delivery_id,
        job_id=delivery.job_id,
        destination=delivery.destination,
        attempt=attempt.number,
        status_code=attempt.status_code,
        reason=attempt.reason,
        detail=detail,
        delivery_status=delivery.status.value,
    )
