"""A webhook inbox for tests: a real receiver in a thread, with methods to wait and assert."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from ringback.client.models import JobDocument, job_document
from ringback.testing.receiver import FakeReceiver, ReceivedRequest, Script
from ringback.testing.threads import LoopThread
from ringback.wire.names import EventName
from ringback.wire.signature import SignatureMismatch, verify

_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxWebhook:
    """One received webhook, genuine or not."""

    webhook_id: str
    event: str
    attempt: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    is_genuine: bool  # signed with the inbox's secret, not long ago

    @property
    def job(self) -> JobDocument:
        """Return the job that the body describes; ``msgspec.ValidationError`` if it is none."""
        return job_document(self.body)

    @property
    def job_id(self) -> str | None:
        """Return the job's id, or None when the body has none."""
        try:
            found = json.loads(self.body)["job_id"]
        except (ValueError, TypeError, KeyError):
            return None
        return found if isinstance(found, str) else None

    def __str__(self) -> str:
        doubt = "" if self.is_genuine else ", not genuine"
        return (
            f"{self.event} of job {self.job_id} ({self.webhook_id}, attempt {self.attempt}{doubt})"
        )


class WebhookInbox:
    """Receives webhooks at ``url`` and answers them by a script, or with 204 without one.

    ``wait`` returns each webhook once, in the order of arrival; ``webhooks`` lists all of them.
    ``host`` is a name by which a server on another machine, or in a container, reaches this one;
    without one the inbox listens on loopback.
    """

    def __init__(self, secret: str, *, host: str | None = None) -> None:
        self._secret = secret
        self._host = host
        self._scripted: list[Script] = []
        self._receiver = _Receiver(self, "127.0.0.1" if host is None else "0.0.0.0")
        self._thread: LoopThread | None = None
        self._arrived = asyncio.Condition()
        self._waiting: list[InboxWebhook] = []
        self.webhooks: list[InboxWebhook] = []

    def __enter__(self) -> WebhookInbox:
        self._thread = LoopThread("ringback-inbox")
        self._thread.call(self._receiver.__aenter__())
        return self

    def __exit__(self, *_exc: object) -> None:
        assert self._thread is not None
        try:
            self._thread.call(self._receiver.__aexit__())
        finally:
            self._thread.close()

    @property
    def url(self) -> str:
        """Return the webhook URL to submit jobs with."""
        return self._receiver.url_at("/hook", host=self._host)

    def answer(self, *answers: Script) -> None:
        """Give these answers to the next webhooks: statuses, or scripts of ``ringback.testing``."""
        self._scripted.extend(answers)

    def wait(
        self,
        *,
        event: EventName | None = None,
        job_id: str | None = None,
        timeout_s: float = 10.0,
    ) -> InboxWebhook:
        """Wait for the first matching webhook that ``wait`` has not returned yet.

        Raises ``AssertionError`` after the timeout; its message lists the received webhooks.
        """
        assert self._thread is not None
        return self._thread.call(
            self._wait(event=event, job_id=job_id, timeout_s=timeout_s), timeout_s=timeout_s + 5
        )

    async def wait_async(
        self,
        *,
        event: EventName | None = None,
        job_id: str | None = None,
        timeout_s: float = 10.0,
    ) -> InboxWebhook:
        """Do as ``wait`` does, without holding up the caller's event loop."""
        assert self._thread is not None
        waiting = self._wait(event=event, job_id=job_id, timeout_s=timeout_s)
        return await asyncio.wrap_future(self._thread.begin(waiting))

    def assert_nothing_more(self) -> None:
        """Raise ``AssertionError`` if a webhook arrived that ``wait`` has not returned."""
        left = list(self._waiting)
        if left:
            raise AssertionError(f"Webhooks came that nobody waited for: {_listed(left)}.")

    async def _wait(
        self, *, event: str | None, job_id: str | None, timeout_s: float
    ) -> InboxWebhook:
        def found() -> InboxWebhook | None:
            return next(
                (
                    webhook
                    for webhook in self._waiting
                    if event in (None, webhook.event) and job_id in (None, webhook.job_id)
                ),
                None,
            )

        try:
            async with asyncio.timeout(timeout_s), self._arrived:
                webhook = await self._arrived.wait_for(found)
                assert webhook is not None
                self._waiting.remove(webhook)
                return webhook
        except TimeoutError:
            awaited = " ".join(word for word in (event, job_id and f"of job {job_id}") if word)
            raise AssertionError(
                f"No webhook {awaited or 'at all'} came within {timeout_s:g} s; "
                f"there came {_listed(self.webhooks)}."
            ) from None

    async def _take(self, request: ReceivedRequest) -> None:
        webhook = self._read(request)
        async with self._arrived:
            self.webhooks.append(webhook)
            self._waiting.append(webhook)
            self._arrived.notify_all()

    def _read(self, request: ReceivedRequest) -> InboxWebhook:
        headers = dict(request.headers)
        try:
            verify(
                [self._secret],
                headers=headers,
                body=request.body,
                # The emulator signs by the machine's time, also after its clock was advanced.
                now_s=request.at_ms / 1000,
            )
            is_genuine = True
        except SignatureMismatch:
            is_genuine = False
        return InboxWebhook(
            webhook_id=headers.get("webhook-id", ""),
            event=headers.get("ringback-event", ""),
            attempt=int(headers.get("ringback-attempt", "0")),
            headers=headers,
            body=request.body,
            is_genuine=is_genuine,
        )


class _Receiver(FakeReceiver):
    """The receiver behind an inbox."""

    def __init__(self, inbox: WebhookInbox, host: str) -> None:
        super().__init__(_Scripted(inbox._scripted), then=204, host=host)
        self._inbox = inbox
        self._taking: set[asyncio.Task[Any]] = set()

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        taking = asyncio.get_running_loop().create_task(self._inbox._take(request))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        super()._answer(request, transport)


class _Scripted:
    """Iterates over the scripted answers; answers that are added later extend the iteration."""

    def __init__(self, answers: list[Script]) -> None:
        self._answers = answers

    def __iter__(self) -> _Scripted:
        return self

    def __next__(self) -> Script:
        if not self._answers:
            raise StopIteration
        return self._answers.pop(0)


def _listed(webhooks: list[InboxWebhook]) -> str:
    shown = [str(webhook) for webhook in webhooks[:_SHOWN_MAX]]
    more = len(webhooks) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "nothing"
