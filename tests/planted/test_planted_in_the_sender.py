"""Two bugs planted in the sender: each check passes on the real one, and finds the planted one.

The bugs: the total deadline is removed; only the first answer of the DNS is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ringback.clock import SystemClock
from ringback.egress.answer import Reason
from ringback.egress.dial import Dialler, DialSettings, system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.url import Target
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import FakeReceiver, FakeResolver
from tests.egress.hostile import SCRIPTS

DEADLINE_S = 0.2
NAMES = FakeResolver({"receiver.test": ["127.0.0.1", "169.254.169.254"]})

Check = Callable[[WebhookSender], Awaitable[None]]


def a_sender(kind: type[WebhookSender] = WebhookSender) -> WebhookSender:
    settings = ClientSettings(total_timeout_s=DEADLINE_S)
    return kind(TargetPolicy.dev(), settings=settings, resolver=NAMES)


class Patient(WebhookSender):
    """A sender without a total deadline."""

    def _deadline(self) -> float:
        return super()._deadline() + 3600


class Hasty(WebhookSender):
    """A sender that judges the first answer of the DNS and dials whichever."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._transport.dialler = _HastyDialler(
            TargetPolicy.dev(),
            resolver=NAMES,
            ssl_context=system_trust(),
            clock=SystemClock(),
            settings=DialSettings(),
        )


class _HastyDialler(Dialler):
    async def _look_up(self, target: Target, workspace_id: str) -> Sequence[str]:
        addresses = await self._resolve(target, workspace_id)
        self._policy.check_address(addresses[0], target.port)
        return addresses


async def every_attempt_ends_by_its_deadline(sender: WebhookSender) -> None:
    for name, script in SCRIPTS.items():
        async with FakeReceiver(then=script) as receiver:
            try:
                async with asyncio.timeout(DEADLINE_S + 1.0):
                    await sender.post(receiver.url, [], b"{}")
            except TimeoutError:
                raise AssertionError(f"no end in sight: {name}") from None


async def one_bad_answer_refuses_all(sender: WebhookSender) -> None:
    async with FakeReceiver() as receiver:
        answer = await sender.post(receiver.url_at("/", host="receiver.test"), [], b"{}")
        assert answer.reason is Reason.BLOCKED_TARGET, "an address was dialled all the same"
        assert receiver.connections_count == 0


@pytest.mark.parametrize("check", [every_attempt_ends_by_its_deadline, one_bad_answer_refuses_all])
async def test_the_real_sender_passes(check: Check) -> None:
    sender = a_sender()
    await check(sender)
    await sender.close()


async def test_a_sender_without_a_total_deadline_is_found() -> None:
    sender = a_sender(Patient)
    with pytest.raises(AssertionError, match="no end in sight"):
        await every_attempt_ends_by_its_deadline(sender)
    await sender.close()


async def test_a_sender_that_judges_only_the_first_dns_answer_is_found() -> None:
    sender = a_sender(Hasty)
    with pytest.raises(AssertionError, match="dialled all the same"):
        await one_bad_answer_refuses_all(sender)
    await sender.close()
