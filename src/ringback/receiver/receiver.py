"""The receiver verifies a webhook, records it, answers, and calls the handlers after that."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any, Protocol, TypeVar

import msgspec

from ringback.client.clock import MachineTime, Time
from ringback.client.models import JobDocument
from ringback.receiver.answer import ACCEPTED, Answer, logged, refused
from ringback.receiver.errors import ReceiverMisuse, WebhookVerificationError
from ringback.receiver.event import WebhookEvent, event_of, event_of_job
from ringback.receiver.handlers import Handler, Handlers
from ringback.receiver.ledgers.contract import Ledger, Receipt
from ringback.receiver.ledgers.memory import MemoryLedger
from ringback.receiver.public_keys import PREFIX, Ed25519Key, PublishedKeys
from ringback.receiver.verification import Headers, HmacKey, Key, verify
from ringback.receiver.work import Work
from ringback.wire.names import EVENT_NAMES, EventName, unknown_event
from ringback.wire.signature import TOLERANCE_S

F = TypeVar("F", bound=Callable[..., Any])
Expected = Callable[[str], "bool | Awaitable[bool]"] | Container[str] | bool | None

_RECONCILED_AT_ONCE = 100


class JobsClient(Protocol):
    """The part of a client that reconciling calls: ``jobs.get(job_id)``."""

    @property
    def jobs(self) -> Any:
        """Return the client's operations on jobs."""


class Receiver:
    """Takes the webhooks of one sender.

    ``secret`` is ``whsec_…``, or several of them while one is rotated; a public key ``whpk_…``; or
    the URL of published keys. A webhook must have been signed within ``tolerance`` seconds.
    ``ledger`` stores the receipts and the work that is still due; the default keeps both in
    memory. ``expected`` says which jobs this program has started: a function, a container, or
    True for the jobs that ``expect`` noted.
    """

    def __init__(
        self,
        secret: str | Sequence[str],
        *,
        tolerance: float = TOLERANCE_S,
        ledger: Ledger | None = None,
        expected: Expected = None,
        lease: float = 60.0,
        attempts_max: int = 12,
        clock: Time | None = None,
        rng: Random | None = None,
    ) -> None:
        self._clock = clock or MachineTime()
        self._keys = [self._key(one) for one in ([secret] if isinstance(secret, str) else secret)]
        if not self._keys:
            raise ReceiverMisuse("A receiver needs a secret; your server shows it: whsec_….")
        self._tolerance_s = tolerance
        self.ledger: Ledger = MemoryLedger() if ledger is None else ledger
        self._expected: Callable[[str], Any] | Container[str] | None = (
            (self.ledger.expects if expected else None) if isinstance(expected, bool) else expected
        )
        self._handlers = Handlers()
        self._work = Work(
            self.ledger,
            self._handlers,
            clock=self._clock,
            rng=rng or Random(),
            lease_s=lease,
            attempts_max=attempts_max,
        )

    def on(
        self, *types: EventName, other: Sequence[str] = (), transactional: bool = False
    ) -> Callable[[F], F]:
        """Call the decorated function with every event of these types, after the answer was sent.

        ``other`` names event types of senders other than Ringback. Without any type the function
        gets every event that has no handler of its own. ``ReceiverMisuse`` is raised for a type
        that Ringback does not send, and for one that has a handler already. A function
        that raises is called again later. A transactional function also gets a connection, whose
        transaction marks the receipt as handled: both are committed, or neither is.
        """
        if transactional and not hasattr(self.ledger, "transaction"):
            raise ReceiverMisuse(
                "A transactional handler needs a ledger in a database: SqlAlchemyLedger, "
                "SqliteLedger."
            )

        for name in types:
            if name not in EVENT_NAMES:
                raise ReceiverMisuse(
                    f"{unknown_event(name)} Name another sender's event in other=."
                )

        def keep(function: F) -> F:
            self._handlers.add((*types, *other), Handler(function, transactional))
            return function

        return keep

    def verify(self, headers: Headers, body: bytes) -> WebhookEvent:
        """Return the event of a genuine request, or raise ``WebhookVerificationError``."""
        signed = verify(
            self._keys,
            headers,
            bytes(body),
            now_s=self._clock.now_s(),
            tolerance_s=self._tolerance_s,
        )
        return event_of(signed, bytes(body))

    def handle(self, headers: Headers, body: bytes) -> Answer:
        """Verify a request, record it, and return the answer to send; this never raises."""
        try:
            event = self.verify(headers, body)
            is_known = self._is_expected(event)
            _check_not_awaitable(is_known)
        except WebhookVerificationError as exc:
            return _refusal(exc)
        except Exception as exc:
            return self._broken(exc)
        return self._take(event, is_known=bool(is_known))

    async def ahandle(self, headers: Headers, body: bytes) -> Answer:
        """Do as ``handle`` does, without holding up the event loop."""
        try:
            event = await asyncio.to_thread(self.verify, headers, body)
            is_known = await asyncio.to_thread(self._is_expected, event)
            if inspect.isawaitable(is_known):
                is_known = await is_known
        except WebhookVerificationError as exc:
            return _refusal(exc)
        except Exception as exc:
            return self._broken(exc)
        return await asyncio.to_thread(self._take, event, is_known=bool(is_known))

    def receive(self, event: WebhookEvent, *, connection: Any = None) -> bool:
        """Record a verified event as handled; return False when it was recorded before.

        With a connection the receipt joins the transaction there: the receipt and the program's
        own writes are committed together, or not at all.
        """
        receipt = self._receipt(event, has_handler=False)
        if connection is None:
            return self.ledger.add(receipt)
        add: Any = self.ledger.add
        added: bool = add(receipt, connection=connection)
        return added

    def expect(self, job_id: str, **more: Any) -> None:
        """Note a job that this program has started; ``connection=`` joins a transaction."""
        note: Any = self.ledger.expect
        note(job_id, now_s=self._clock.now_s(), **more)

    def start(self) -> None:
        """Start a thread that calls the handlers, also for receipts of an earlier run."""
        self._work.start()

    def stop(self) -> None:
        """Let the running handler end, then end the thread."""
        self._work.stop()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Call the handlers on this event loop for the time of the context."""
        return self._work.running()

    def handle_before_answering(self) -> None:
        """Start no thread: the adapter calls ``run_due`` before it answers."""
        self._work.may_start = False

    def run_due(self) -> int:
        """Call the handlers of all due receipts here and now; return how many there were."""
        return self._work.run_due()

    def reconcile(self, client: JobsClient, *, older_than_minutes: float = 10.0) -> int:
        """Read each expected job whose webhook is this late; return how many have ended.

        The job's end is handled as if its webhook had arrived, and a webhook that arrives later
        is a duplicate. Call it at the start and from time to time.
        """
        jobs = [client.jobs.get(job_id) for job_id in self._overdue(older_than_minutes)]
        return self._reconciled(iter(jobs))

    async def areconcile(self, client: JobsClient, *, older_than_minutes: float = 10.0) -> int:
        """Do as ``reconcile`` does, with an asynchronous client."""
        overdue = await asyncio.to_thread(self._overdue, older_than_minutes)
        jobs = [await client.jobs.get(job_id) for job_id in overdue]
        return await asyncio.to_thread(self._reconciled, iter(jobs))

    def _overdue(self, minutes: float) -> list[str]:
        before_s = self._clock.now_s() - 60 * minutes
        return self.ledger.overdue(before_s=before_s, limit=_RECONCILED_AT_ONCE)

    def _reconciled(self, jobs: Iterator[JobDocument]) -> int:
        ended = 0
        for job in jobs:
            if job.is_terminal:
                at_s = int(self._clock.now_s())
                plain = {name: getattr(job, name) for name in JobDocument.__struct_fields__}
                event = event_of_job(JobDocument(**plain), msgspec.json.encode(plain), at_s=at_s)
                self._take(event, is_known=True, verdict="reconciled")
                ended += 1
        return ended

    def _key(self, secret: str) -> Key:
        if secret.startswith(("https://", "http://")):
            return PublishedKeys(secret, monotonic=self._clock.monotonic)
        if secret.startswith(PREFIX):
            return Ed25519Key.from_text(secret)
        try:
            return HmacKey(secret)
        except ValueError as exc:
            raise ReceiverMisuse(f"{exc}; your server shows it.") from exc

    def _is_expected(self, event: WebhookEvent) -> Any:
        if self._expected is None or event.job_id is None:
            return True
        if callable(self._expected):
            return self._expected(event.job_id)
        return event.job_id in self._expected

    def _take(self, event: WebhookEvent, *, is_known: bool, verdict: str = "accepted") -> Answer:
        known: dict[str, Any] = {
            "webhook_id": event.webhook_id,
            "type": event.type,
            "job_id": event.job_id,
            "attempt": event.attempt,
        }
        if not is_known:
            logged("unknown_job", level=logging.WARNING, **known)
            return refused(404, "unknown_job", "This program has started no such job.")
        handler = self._handlers.for_type(event.type)
        try:
            is_new = self.ledger.add(self._receipt(event, has_handler=handler is not None))
        except Exception as exc:
            return self._broken(exc)
        logged(verdict if is_new else "duplicate", **known)
        if is_new and handler is not None:
            self._work.ring()
        return ACCEPTED

    def _receipt(self, event: WebhookEvent, *, has_handler: bool) -> Receipt:
        return Receipt(
            key=event.key,
            webhook_id=event.webhook_id,
            type=event.type,
            job_id=event.job_id,
            timestamp_s=event.timestamp_s,
            body=event.body,
            received_at_s=self._clock.now_s(),
            has_handler=has_handler,
            ends_job=event.ends_job,
        )

    def _broken(self, exc: Exception) -> Answer:
        logging.getLogger("ringback.receiver").error("webhook not taken", exc_info=exc)
        # The sender tries again, and nothing is lost.
        return refused(503, "not_taken", "This webhook could not be taken just now.")


def _refusal(exc: WebhookVerificationError) -> Answer:
    logged(exc.kind, level=logging.WARNING, detail=str(exc))
    return refused(400, exc.kind, str(exc))


def _check_not_awaitable(is_known: object) -> None:
    if inspect.isawaitable(is_known):
        if inspect.iscoroutine(is_known):
            is_known.close()
        raise ReceiverMisuse("expected is async; call ahandle, or give a plain function.")
