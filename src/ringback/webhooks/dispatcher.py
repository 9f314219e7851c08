"""The dispatcher: claim what is due, sign, send, judge the answer, record the attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from random import Random
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ringback import __version__
from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.egress.answer import Answer
from ringback.errors import StorageFull
from ringback.log import get_logger
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import Outbox
from ringback.webhooks.outcome import Outcome, classify, retry_after_s
from ringback.webhooks.schedule import SCHEDULE_S, next_attempt_delay_s
from ringback.wire.signature import Signer, webhook_headers

log = get_logger(__name__)

_LOOK_AGAIN_S = 1.0  # deliveries may be owed by another process, which rings no bell here
_DISK_PATIENCE_S = 1.0
_AHEAD = 4  # deliveries fetched at once per destination, as a multiple of its concurrency
_USER_AGENT = f"Ringback/{__version__}".encode()


class Poster(Protocol):
    """Makes one POST; whatever the network does becomes an ``Answer``."""

    async def post(self, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        """Send the body and return what came back."""


class DispatchSettings(Struct, frozen=True, kw_only=True):
    """How many attempts at once, how long each, and when to try again."""

    concurrency: int = 256
    concurrency_per_destination: int = 8
    timeout_s: float = 15.0
    schedule_s: tuple[float, ...] = SCHEDULE_S

    @property
    def lease_s(self) -> float:
        """How long a claim lasts: two attempts' time, and some for recording."""
        return 2 * self.timeout_s + 10.0


class _Destination:
    """What this dispatcher holds for one origin."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Delivery, float]] = deque()
        self.active = 0


class Dispatcher:
    """Brings deliveries to their receivers until it is drained.

    A slow destination fills its own places and nothing else: so many attempts of it are in flight,
    a few more wait at hand, and claims pass over it meanwhile.
    """

    def __init__(
        self,
        outbox: Outbox,
        sender: Poster,
        *,
        secret_of: Callable[[str], Awaitable[str]],
        clock: Clock,
        rng: Random,
        bells: Bells,
        settings: DispatchSettings,
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._secret_of = secret_of
        self._clock = clock
        self._rng = rng
        self._bells = bells
        self._settings = settings
        self._destinations: dict[str, _Destination] = {}
        self._held_count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._claiming = asyncio.Lock()

    async def run(self) -> None:
        """Send what is due until the dispatcher is drained."""
        while not self._draining:
            try:
                claimed = await self.run_once()
            except StorageFull:
                # A full disk stops claims, which are writes; the log says so and we look again.
                log.warning("storage_full", waiting_s=_DISK_PATIENCE_S)
                await self._clock.sleep(_DISK_PATIENCE_S)
                continue
            if not claimed:
                await self._bells.owed.wait(await self._idle_s())

    async def run_once(self) -> int:
        """Claim what is due and there is room for, and begin sending it; return how many."""
        async with self._claiming:
            return await self._claim_and_send()

    async def _claim_and_send(self) -> int:
        settings = self._settings
        room = settings.concurrency * 2 - self._held_count
        if room <= 0 or self._draining:
            return 0
        now_ms = self._clock.now_ms()
        each = settings.concurrency_per_destination * _AHEAD
        busy = [
            origin
            for origin, held in self._destinations.items()
            if len(held.waiting) + held.active >= each
        ]
        claimed = await self._outbox.claim_due(
            now_ms=now_ms,
            limit=room,
            limit_each=each,
            lease_until_ms=now_ms + int(settings.lease_s * 1000),
            busy=busy,
        )
        usable_until = self._clock.monotonic() + settings.lease_s - settings.timeout_s - 1.0
        for delivery in claimed:
            held = self._destinations.setdefault(delivery.destination, _Destination())
            self._held_count += 1
            held.waiting.append((delivery, usable_until))
            self._send_next(delivery.destination, held)
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
        at_hand = [delivery for held in self._destinations.values() for delivery, _ in held.waiting]
        for held in self._destinations.values():
            held.waiting.clear()
        if at_hand:
            with suppress(StorageFull):  # then their leases' end gives them back
                await self._outbox.release_deliveries(at_hand)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in tuple(self._tasks):
            task.cancel()

    async def settled(self) -> None:
        """Return when nothing that was claimed is still being sent or recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _send_next(self, origin: str, held: _Destination) -> None:
        """Start what the destination has room for."""
        cap = self._settings.concurrency_per_destination
        while held.waiting and held.active < cap:
            delivery, usable_until = held.waiting.popleft()
            held.active += 1
            # Too little is left of the lease for a whole attempt: somebody may hold it by the end.
            stale = self._clock.monotonic() > usable_until
            work = self._give_back(delivery, held) if stale else self._deliver(delivery, held)
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not held.active and not held.waiting:
            self._destinations.pop(origin, None)

    async def _give_back(self, delivery: Delivery, held: _Destination) -> None:
        self._leave(delivery, held)
        await self._outbox.release_deliveries([delivery])

    def _leave(self, delivery: Delivery, held: _Destination) -> None:
        """Free the delivery's place for the destination's next."""
        held.active -= 1
        self._held_count -= 1
        self._send_next(delivery.destination, held)
        self._bells.owed.ring()

    async def _deliver(self, delivery: Delivery, held: _Destination) -> None:
        started_at_ms = self._clock.now_ms()
        try:
            headers = await self._headers(delivery, started_at_ms)
            answer = await self._sender.post(delivery.url, headers, delivery.body)
        finally:
            # Recording takes a commit; the destination need not wait for it.
            self._leave(delivery, held)
        after, attempt = judge(
            delivery,
            answer,
            started_at_ms=started_at_ms,
            ended_at_ms=self._clock.now_ms(),
            schedule_s=self._settings.schedule_s,
            rng=self._rng,
        )
        await self._record(after, attempt)
        self._log(after, attempt, answer)

    async def _headers(self, delivery: Delivery, now_ms: int) -> list[tuple[bytes, bytes]]:
        signer = _signer(await self._secret_of(delivery.workspace_id))
        return [
            (b"content-type", b"application/json"),
            (b"user-agent", _USER_AGENT),
            *webhook_headers(
                [signer],
                webhook_id=delivery.delivery_id,
                timestamp_s=now_ms // 1000,
                body=delivery.body,
            ),
            (b"ringback-event", delivery.event.encode()),
            (b"ringback-engine", delivery.engine.encode()),
            (b"ringback-attempt", b"%d" % (delivery.attempts_count + 1)),
        ]

    async def _record(self, delivery: Delivery, attempt: Attempt) -> None:
        """Write the attempt, however long the disk takes to have room for it."""
        while True:
            try:
                recorded = await self._outbox.record_attempt(delivery, attempt)
            except StorageFull:
                log.warning("storage_full", delivery_id=delivery.delivery_id)
                await self._clock.sleep(_DISK_PATIENCE_S)
                continue
            if not recorded:
                log.warning("lease_lost", delivery_id=delivery.delivery_id)
            if delivery.next_attempt_at_ms is not None:
                self._bells.owed.ring()  # the next due time may have moved closer
            return

    async def _idle_s(self) -> float:
        due_ms = await self._outbox.next_due_ms()
        if due_ms is None:
            return _LOOK_AGAIN_S
        return min(max((due_ms - self._clock.now_ms()) / 1000, 0.005), _LOOK_AGAIN_S)

    def _log(self, delivery: Delivery, attempt: Attempt, answer: Answer) -> None:
        say = log.debug if delivery.status is DeliveryStatus.DELIVERED else log.warning
        say(
            "delivery_attempted",
            delivery_id=delivery.delivery_id,
            job_id=delivery.job_id,
            destination=delivery.destination,
            attempt=attempt.number,
            status_code=attempt.status_code,
            reason=attempt.reason,
            detail=answer.detail,
            delivery_status=delivery.status.value,
        )


def judge(
    delivery: Delivery,
    answer: Answer,
    *,
    started_at_ms: int,
    ended_at_ms: int,
    schedule_s: tuple[float, ...],
    rng: Random,
) -> tuple[Delivery, Attempt]:
    """Return the delivery as it is after this answer, and the attempt to be recorded."""
    number = delivery.attempts_count + 1
    attempt = Attempt(
        number=number,
        started_at_ms=started_at_ms,
        duration_ms=max(0, ended_at_ms - started_at_ms),
        address=answer.address,
        status_code=answer.status_code,
        reason=None if answer.reason is None else str(answer.reason),
        response=answer.body,
    )
    after = replace(delivery, attempts_count=number)
    match classify(answer):
        case Outcome.DELIVERED:
            ended = DeliveryStatus.DELIVERED
        case Outcome.GIVE_UP:
            ended = DeliveryStatus.DISCARDED
        case Outcome.RETRY:
            delay_s = next_attempt_delay_s(
                number,
                schedule=schedule_s,
                rng=rng,
                retry_after_s=retry_after_s(answer, now_ms=ended_at_ms),
            )
            if delay_s is not None:
                due_ms = ended_at_ms + round(delay_s * 1000)
                return replace(after, next_attempt_at_ms=due_ms), attempt
            ended = DeliveryStatus.EXHAUSTED
    return replace(after, status=ended, next_attempt_at_ms=None, ended_at_ms=ended_at_ms), attempt


@lru_cache(maxsize=1024)
def _signer(secret: str) -> Signer:
    return Signer(secret)
