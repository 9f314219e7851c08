"""The emulator's attempter and request builder: webhooks get the lab's faults."""

from __future__ import annotations

from functools import lru_cache, partial

from msgspec.structs import replace

from ringback.egress.answer import Answer
from ringback.jobs.requested_faults import parse_faults
from ringback.lab.clock import LabClock
from ringback.lab.deliveries import (
    WebhookRequest,
    again_after_ms,
    held_answer,
    lost_answer,
    plan_attempt,
)
from ringback.lab.sender import LabSender
from ringback.webhooks.delivery.listener_requests import ListenerRequest, SignedRequestBuilder
from ringback.webhooks.delivery.signed_attempt import AttemptResult, SignedSender, headers_for
from ringback.webhooks.delivery.signers import Signing
from ringback.webhooks.model import Delivery
from ringback.wire.signature import webhook_headers


class FaultyAttempter:
    """Makes attempts by the signed sender, with faults where a delivery has any.

    It signs as of the machine's time, however far the emulator's was advanced: receivers have
    clocks of their own.
    """

    def __init__(self, sender: SignedSender, clock: LabClock) -> None:
        self._sender = sender
        self._clock = clock
        self._lab = LabSender(clock)

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult:
        """Make the attempt with the delivery's faults."""
        now_ms = self._clock.machine_ms()
        if delivery.lab is None:
            return await self._sender.attempt(delivery, now_ms=now_ms)
        signing = await self._sender.signing_of(delivery)
        headers = headers_for(delivery, signing, now_ms=now_ms)
        answer, sent = await self._lab.attempt(
            _faults(delivery.lab),
            WebhookRequest(tuple(headers), delivery.body),
            destination=f"{delivery.workspace_id} {delivery.destination}",
            attempt_number=delivery.attempts_count + 1,
            now_s=now_ms // 1000,
            sign=partial(_sign, delivery, signing),
            post=partial(self._post, delivery),
        )
        return AttemptResult(
            answer=answer,
            headers=[] if sent is None else list(sent.headers),
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )

    async def _post(self, delivery: Delivery, request: WebhookRequest) -> Answer:
        return await self._sender.post(delivery, list(request.headers), request.body)


class FaultyRequestBuilder(SignedRequestBuilder):
    """Builds requests for listeners, with faults where a delivery has any, but in order.

    It signs as of the machine's time, as ``FaultyAttempter`` does.
    """

    def __init__(self, clock: LabClock) -> None:
        super().__init__(clock)
        self._lab_clock = clock

    def now_ms(self) -> int:
        """Return the receivers' time."""
        return self._lab_clock.machine_ms()

    def build(
        self, delivery: Delivery, signing: Signing, *, at_ms: int
    ) -> ListenerRequest | Answer:
        """Return the request with the delivery's faults."""
        right = super().build(delivery, signing, at_ms=at_ms)
        if delivery.lab is None or not isinstance(right, ListenerRequest):
            return right
        plan = plan_attempt(
            _faults(delivery.lab),
            WebhookRequest(tuple(right.headers), right.body),
            attempt_number=delivery.attempts_count + 1,
            now_s=at_ms // 1000,
            sign=partial(_sign, delivery, signing),
        )
        if not plan.requests:
            return held_answer()
        spoiled = plan.requests[0]
        return replace(
            right,
            headers=list(spoiled.headers),
            body=spoiled.body,
            copies=len(plan.requests),
            at_once=plan.at_once,
        )

    def effective_answer(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return the answer, or a failure when the lab throws it away."""
        if delivery.lab is None or answer.reason is not None:
            return answer
        again_ms = again_after_ms(_faults(delivery.lab), attempt_number=delivery.attempts_count + 1)
        return lost_answer(answer, again_ms) if again_ms else answer


def _sign(delivery: Delivery, signing: Signing, at_s: int) -> list[tuple[bytes, bytes]]:
    return webhook_headers(
        signing.signers, webhook_id=delivery.delivery_id, timestamp_s=at_s, body=delivery.body
    )


_faults = lru_cache(maxsize=256)(parse_faults)
