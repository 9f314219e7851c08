"""The dispatcher: claims due deliveries, has them sent, and records the attempts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from msgspec import Struct, field

from ringback.clock import Clock
from ringback.concurrency.deadline import Deadline, ends_in_time
from ringback.egress.answer import Reason
from ringback.errors import StorageError, Undeliverable
from ringback.log import get_logger, log_waiting
from ringback.wakeups import Wakeups
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.claim_rooms import FairQueueSettings
from ringback.webhooks.delivery.fair_queue import Claimed, FairQueue
from ringback.webhooks.delivery.interim_attempts import InterimAttempts
from ringback.webhooks.delivery.recording import Rules, attempt_record_of
from ringback.webhooks.delivery.signed_attempt import Attempter, AttemptResult
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.events import INTERIM_EVENTS, TERMINAL_EVENTS
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Outbox, RecordOutcome
from ringback.webhooks.schedule import SCHEDULE_S

log = get_logger(__name__)

_POLL_S = 1.0  # another process may add deliveries, and its wakeup may be lost
_PATIENCE_S = 1.0
_FRESH_S = 0.25  # a delivery that was claimed so lately is believed to be due
_CLAIM_SHARE = 0.4  # of a drain's time, that the last claim may take
_GIVE_BACK_SHARE = 0.8
_LEAST_S = 0.25  # writes may take that long however little time there is
_CANCEL_S = 0.5
_SLOW_PART = 0.125  # an attempt that takes such a part of its time is slow
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
        """The rules that decide outcomes: schedule, breaker and failing endpoints."""
        return Rules(schedule_s=self.schedule_s, breaker=self.breaker, failing=self.failing)

    @property
    def queue_settings(self) -> FairQueueSettings:
        """How many attempts at once and a second, as the queue has it."""
        return FairQueueSettings(
            concurrency=self.concurrency,
            concurrency_each=self.concurrency_per_destination,
            rate=self.rate,
            rate_each=self.rate_per_destination,
            slow_s=self.timeout_s * _SLOW_PART,
        )

    @property
    def lease_s(self) -> float:
        """How long a claim lasts: two attempts' time, and some for recording."""
        return 2 * self.timeout_s + min(10.0, 4 * self.timeout_s)


class Dispatcher:
    """Brings deliveries to their receivers until it is drained.

    A slow destination fills its own slots and no others: its attempts in flight are bounded, a few
    more deliveries wait at hand, and claims pass over it meanwhile. However many of them a
    workspace has, the deliveries of others are claimed and sent beside them.
    """

    def __init__(
        self,
        outbox: Outbox,
        attempter: Attempter,
        *,
        clock: Clock,
        rng: Random,
        wakeups: Wakeups,
        settings: DispatchSettings,
        may_claim: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_claim = may_claim
        self._outbox = outbox
        self._attempter = attempter
        self._clock = clock
        self._rng = rng
        self._wakeups = wakeups
        self._settings = settings
        self._rules = settings.rules
        self._queue = FairQueue(settings.queue_settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._interim = InterimAttempts()
        self._resuming: asyncio.Task[None] | None = None
        self._claimed_at_ms = 0
        self._attempts_count = 0
        self._draining = False
        self._claiming = asyncio.Lock()
        # Read once: a log call that writes nothing costs as much as signing, for each delivery.
        self._logs_successes = log.is_enabled_for(logging.DEBUG)

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
        return self._queue.active_count

    async def run(self) -> None:
        """Send due deliveries until the dispatcher is drained."""
        while not self._draining:
            try:
                claimed = await self.run_once()
            except StorageError as exc:
                # A full disk stops claims, which are writes; the log says so and the loop polls.
                log_waiting(log, exc, waiting_s=_PATIENCE_S)
                await self._clock.sleep(_PATIENCE_S)
                continue
            if not claimed:
                wakeup = self._wakeups.deliveries
                await wakeup.wait(0.0 if wakeup.is_set else await self._idle_s())

    async def run_once(self) -> int:
        """Claim due deliveries as far as there is room and begin to send them; return how many."""
        async with self._claiming:
            return await self._claim_and_send()

    async def _claim_and_send(self) -> int:
        now_ms = self._claimed_at_ms = self._clock.now_ms()
        rooms = self._queue.rooms()
        if not rooms.is_any or self._draining or not self._may_claim():
            return 0
        lease_s = self._settings.lease_s
        # Until then a whole attempt fits into the lease, and its recording.
        claimed_at = self._clock.monotonic()
        usable_until = claimed_at + lease_s - 1.5 * self._settings.timeout_s
        claimed = await self._outbox.claim_due(
            now_ms=now_ms,
            limit=rooms.in_all,
            limit_each=self._queue.at_hand_each,
            lease_until_ms=now_ms + int(lease_s * 1000),
            rooms=rooms.destinations,
            interim_rooms=rooms.interim,
            workspaces=rooms.workspaces,
        )
        for delivery in claimed:
            self._queue.add(Claimed(delivery, claimed_at, usable_until))
        self._send_ready()
        return len(claimed)

    async def drain(self, timeout_s: float) -> None:
        """Claim once more, then let attempts in flight end; give the rest back.

        It ends in that time even without the database: deliveries that are neither recorded nor
        given back by then wait for the end of their lease. The last claim is for the jobs that
        ended while the worker was drained.
        """
        deadline = Deadline(timeout_s, asyncio.get_running_loop().time)
        await ends_in_time(self._claim_last(), max(deadline.left_until_s(_CLAIM_SHARE), _LEAST_S))
        self._draining = True
        self._wakeups.deliveries.wake()
        give_back_s = max(deadline.left_until_s(_GIVE_BACK_SHARE), _LEAST_S)
        await ends_in_time(self._give_all_back(), give_back_s)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline.left_s)
        left = list(self._tasks)
        if left:
            log.warning("stop_abandoned", what="attempts", count=len(left))
        if self._resuming is not None:
            left.append(self._resuming)
        for task in left:
            task.cancel()
        await ends_in_time(_all_ended(left), _CANCEL_S)

    async def _claim_last(self) -> None:
        with suppress(StorageError):
            await self.run_once()

    async def _give_all_back(self) -> None:
        async with self._claiming:
            pass  # a claim that was under way has begun its attempts
        with suppress(StorageError):
            await self._give_back(self._queue.take_all_back())

    async def settled(self) -> None:
        """Return when nothing that was claimed is still being sent or recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _send_ready(self) -> None:
        """Begin the attempts whose turn it is."""
        now = self._clock.monotonic()
        while (claimed := self._queue.next(now)) is not None:
            task = asyncio.create_task(self._send(claimed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        wait_s = self._queue.wait_s(now)
        if wait_s is not None and self._resuming is None and not self._draining:
            self._resuming = asyncio.create_task(self._resume_after(wait_s))

    async def _resume_after(self, wait_s: float) -> None:
        """Go on once a rate allows it."""
        await self._clock.sleep(max(wait_s, _TICK_S))
        self._resuming = None
        self._send_ready()

    async def _send(self, claimed: Claimed) -> None:
        delivery = claimed.delivery
        try:
            if await self._may_go(claimed):
                await self._deliver(delivery)
            else:
                self._leave(delivery)
                await self._give_back([delivery])
        except StorageError as exc:
            log_waiting(log, exc, delivery_id=delivery.delivery_id)
        except Exception:
            # The lease's end gives the delivery back; the others must go on.
            log.exception("dispatcher_broke", delivery_id=delivery.delivery_id)

    async def _may_go(self, claimed: Claimed) -> bool:
        """Say whether the delivery is still to be sent, and its lease lasts for a whole attempt."""
        now = self._clock.monotonic()
        if now > claimed.usable_until:
            return False
        # A person may have cancelled it while it waited at hand.
        is_fresh = now - claimed.claimed_at < _FRESH_S
        return is_fresh or await self._outbox.is_held(claimed.delivery)

    def _leave(self, delivery: Delivery, *, timed_out: bool = False) -> None:
        """Free the delivery's slot for the next in turn."""
        self._queue.done(delivery, self._clock.monotonic(), timed_out=timed_out)
        self._send_ready()
        self._wakeups.deliveries.wake()

    async def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            now_ms = self._clock.now_ms()
            await self._outbox.release_deliveries(deliveries, now_ms=now_ms)

    async def _deliver(self, delivery: Delivery) -> None:
        started_at_ms = self._clock.now_ms()
        result: AttemptResult | None = None
        try:
            result = await self._attempt(delivery, now_ms=started_at_ms)
        except Undeliverable as exc:
            log.warning("delivery_discarded", delivery_id=delivery.delivery_id, detail=str(exc))
            await self._outbox.end_delivery(
                delivery, DeliveryStatus.DISCARDED, now_ms=self._clock.now_ms()
            )
            return
        finally:
            # Recording takes a commit, for which the destination's slot need not wait.
            self._leave(delivery, timed_out=_timed_out(result))
        if result is None:
            return
        now_ms = self._clock.now_ms()
        recording = attempt_record_of(
            delivery,
            result,
            started_at_ms=started_at_ms,
            now_ms=now_ms,
            rules=self._rules,
            rng=self._rng,
        )
        after = recording.delivery
        recorded = await self._record(recording)
        self._attempts_count += 1
        if self._logs_successes or after.status is not DeliveryStatus.DELIVERED:
            log_attempt(recording, detail=result.answer.detail)
        if recorded.paused:
            await self._give_back(self._queue.take_back(delivery.destination_id))
        if not recorded.written:
            log.warning("lease_lost", delivery_id=delivery.delivery_id)
        if after.next_attempt_at_ms is not None or recorded.paused:
            self._wakeups.deliveries.wake()  # the next due time may have moved closer

    async def _attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult | None:
        """Make the attempt; None when it is of a job that has ended meanwhile.

        Before the terminal event is sent, interim attempts in flight are cancelled: a receiver
        never sees progress after the end.
        """
        if delivery.event in INTERIM_EVENTS:
            attempt = self._attempt_if_held(delivery, now_ms=now_ms)
            return await self._interim.make(delivery.job_id, attempt)
        if delivery.event in TERMINAL_EVENTS:
            await self._interim.silence(delivery.job_id)
        return await self._attempter.attempt(delivery, now_ms=now_ms)

    async def _attempt_if_held(self, delivery: Delivery, *, now_ms: int) -> AttemptResult | None:
        if not await self._outbox.is_held(delivery):
            return None
        return await self._attempter.attempt(delivery, now_ms=now_ms)

    async def _record(self, recording: AttemptRecord) -> RecordOutcome:
        """Write the attempt, however long the disk takes to have room for it."""
        while True:
            try:
                return await self._outbox.record_attempt(recording)
            except StorageError as exc:
                log_waiting(log, exc, delivery_id=recording.delivery.delivery_id)
                await self._clock.sleep(_PATIENCE_S)

    async def _idle_s(self) -> float:
        # Deliveries due at the last claim and not claimed have no room; a freed slot wakes us.
        due_ms = await self._outbox.next_due_ms(after_ms=self._claimed_at_ms)
        if due_ms is None:
            return _POLL_S
        return min(max((due_ms - self._clock.now_ms()) / 1000, 0.001), _POLL_S)


async def _all_ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _timed_out(result: AttemptResult | None) -> bool:
    return result is not None and result.answer.reason is Reason.TIMEOUT


def log_attempt(recording: AttemptRecord, *, detail: str) -> None:
    """Log an attempt with its outcome."""
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
        webhook_event=delivery.event,
        duration_ms=attempt.duration_ms,
        next_attempt_at_ms=delivery.next_attempt_at_ms,
    )
