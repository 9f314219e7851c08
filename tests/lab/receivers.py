"""Receivers on loopback: one that does everything right, and one for every mistake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from ringback.clock import SystemClock
from ringback.testing import FakeReceiver, ReceivedRequest, Script, respond
from ringback.wire.signature import SignatureMismatch, sign, verify

EVENTS = ("job.completed", "job.failed", "job.cancelled")


class GoodReceiver:
    """Verifies, handles every webhook once, and answers 2xx to others too."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.seen: set[str] = set()
        self.ended: set[str] = set()

    def answer(self, request: ReceivedRequest) -> int:
        """Return the status for one request."""
        if not self.is_genuine(dict(request.headers), request.body):
            return 400
        try:
            job = json.loads(request.body)
        except ValueError:
            return 422
        return self.take(request.header("webhook-id") or "", dict(request.headers), job)

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        now_s = SystemClock().now_ms() / 1000
        try:
            verify([self.secret], headers=headers, body=body, now_s=now_s)
        except SignatureMismatch:
            return False
        return True

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        """Return the status for a genuine webhook."""
        if webhook_id in self.seen:
            return 200
        self.seen.add(webhook_id)
        if headers["ringback-event"] in EVENTS:
            self.ended.add(job["job_id"])
        return 204


class Broken(GoodReceiver):
    """Answers every request with a failure."""

    def answer(self, request: ReceivedRequest) -> int:
        return 500


class Unguarded(GoodReceiver):
    """Never looks at signatures."""

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        return True


class TakesUnsigned(GoodReceiver):
    """Verifies only if there is something to verify."""

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        return "webhook-signature" not in headers or super().is_genuine(headers, body)


class Timeless(GoodReceiver):
    """Checks the time in one direction: it accepts old webhooks (-1), or future ones (1)."""

    def __init__(self, secret: str, *, direction: int) -> None:
        super().__init__(secret)
        self.direction = direction

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        ahead_s = int(headers["webhook-timestamp"]) - SystemClock().now_ms() / 1000
        if ahead_s * self.direction > 300:
            return sign_of(self.secret, headers, body) in headers["webhook-signature"].split()
        return super().is_genuine(headers, body)


class TakesHalves(GoodReceiver):
    """Answers 2xx to bodies that it cannot parse."""

    def answer(self, request: ReceivedRequest) -> int:
        whole = request.body.endswith((b"}", b" "))
        return super().answer(request) if whole else 200


class OneSignature(GoodReceiver):
    """Compares the whole header with the one signature it expects."""

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        good = sign_of(self.secret, headers, body) == headers.get("webhook-signature")
        return good and super().is_genuine(headers, body)


class RefusesDuplicates(GoodReceiver):
    """Says 409 to a webhook that it has seen."""

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        known = webhook_id in self.seen
        status = super().take(webhook_id, headers, job)
        return 409 if known else status


class InOrder(GoodReceiver):
    """Refuses a job that began before the latest one."""

    latest = ""

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        if job["created_at"] < self.latest:
            return 500
        self.latest = max(self.latest, job["created_at"])
        return super().take(webhook_id, headers, job)


class OnlyEnds(GoodReceiver):
    """Breaks on a job that is not over."""

    status = 500

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        return super().take(webhook_id, headers, job) if job["completed_at"] else self.status


class OnlyPictures(GoodReceiver):
    """Breaks on a job without URLs."""

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        has_urls = job["result"] is None or "urls" in job["result"]
        return super().take(webhook_id, headers, job) if has_urls else 500


class Strict(GoodReceiver):
    """Refuses members that it does not know."""

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        return 400 if "lab" in job else super().take(webhook_id, headers, job)


class KnownEvents(GoodReceiver):
    """Refuses events that it does not know."""

    def __init__(self, secret: str, *, status: int = 400) -> None:
        super().__init__(secret)
        self.status = status

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        unknown = headers["ringback-event"] == "job.new"
        return self.status if unknown else super().take(webhook_id, headers, job)


class OwnJobs(GoodReceiver):
    """Takes its own jobs alone, and says so with a status of its choice."""

    def __init__(self, secret: str, *, job_id: str, status: int) -> None:
        super().__init__(secret)
        self.job_id = job_id
        self.status = status

    def take(self, webhook_id: str, headers: dict[str, str], job: dict[str, Any]) -> int:
        is_known = job["job_id"] == self.job_id
        return super().take(webhook_id, headers, job) if is_known else self.status


class BreaksOnBadJson(GoodReceiver):
    """Does not expect a genuine webhook that is no JSON."""

    def answer(self, request: ReceivedRequest) -> int:
        status = super().answer(request)
        return 500 if status == 422 else status


class Refusing(GoodReceiver):
    """Refuses forged webhooks with a status of its choice."""

    def __init__(self, secret: str, *, status: int) -> None:
        super().__init__(secret)
        self.status = status

    def answer(self, request: ReceivedRequest) -> int:
        status = super().answer(request)
        return self.status if status == 400 else status


class OneAtATime(GoodReceiver):
    """Fails while it is still busy with another copy of the same webhook."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self.busy: set[str] = set()

    def script(self) -> Script:
        def act(request: ReceivedRequest, transport: asyncio.Transport) -> None:
            webhook_id = request.header("webhook-id") or ""
            if webhook_id in self.busy:
                transport.write(respond(500))
                return
            self.busy.add(webhook_id)

            def finish() -> None:
                self.busy.discard(webhook_id)
                transport.write(respond(self.answer(request)))

            asyncio.get_running_loop().call_later(0.05, finish)

        return act


class Slow(GoodReceiver):
    """Takes its time before it answers."""

    def __init__(self, secret: str, *, seconds: float) -> None:
        super().__init__(secret)
        self.seconds = seconds

    def script(self) -> Script:
        def act(request: ReceivedRequest, transport: asyncio.Transport) -> None:
            answer = respond(self.answer(request))
            asyncio.get_running_loop().call_later(self.seconds, transport.write, answer)

        return act


def serving(receiver: GoodReceiver) -> FakeReceiver:
    """Return the server that answers with this receiver."""
    make: Callable[[], Script] | None = getattr(receiver, "script", None)
    return FakeReceiver(then=make() if make is not None else _plain(receiver))


def _plain(receiver: GoodReceiver) -> Script:
    return lambda request, transport: transport.write(respond(receiver.answer(request)))


def sign_of(secret: str, headers: dict[str, str], body: bytes) -> str:
    """Return the one signature that these headers and this body should have."""
    return sign(
        secret,
        webhook_id=headers["webhook-id"],
        timestamp_s=int(headers["webhook-timestamp"]),
        body=body,
    )
