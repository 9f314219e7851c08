"""Attempts with faults, carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ringback.egress.answer import Answer, Reason, Timings
from ringback.ids import new_secret
from ringback.jobs.requested_faults import Faults, parse_faults
from ringback.lab.deliveries import Header, WebhookRequest
from ringback.lab.sender import PATIENCE_S, LabSender, Post, Reordering
from ringback.testing import FakeClock, settle
from ringback.wire.signature import Signer, webhook_headers

NOW_S = 1_800_000_000
SIGNER = Signer(new_secret())


class Receiver:
    """Answers by a script, and counts the requests in flight."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.requests: list[WebhookRequest] = []
        self.under_way = 0
        self.under_way_most = 0

    async def post(self, request: WebhookRequest) -> Answer:
        self.requests.append(request)
        self.under_way += 1
        self.under_way_most = max(self.under_way, self.under_way_most)
        await settle(3)
        self.under_way -= 1
        status = self._statuses.pop(0) if self._statuses else 204
        reason = None if status < 300 else Reason.STATUS
        return Answer(status_code=status, reason=reason, timings=Timings(total_ms=1.0))


async def attempt(
    sender: LabSender, faults: Faults, post: Post, *, number: int = 1, body: bytes = b"{}"
) -> tuple[Answer, WebhookRequest | None]:
    def sign(timestamp_s: int) -> Sequence[Header]:
        return webhook_headers([SIGNER], webhook_id="w", timestamp_s=timestamp_s, body=body)

    return await sender.attempt(
        faults,
        WebhookRequest(tuple(sign(0)), body),
        destination="http://127.0.0.1:8000",
        attempt_number=number,
        now_s=NOW_S,
        sign=sign,
        post=post,
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sender(clock: FakeClock) -> LabSender:
    return LabSender(clock)


async def test_without_faults_an_attempt_is_one_post(sender: LabSender) -> None:
    receiver = Receiver()
    answer, sent = await attempt(sender, Faults(), receiver.post)
    assert answer.reason is None
    assert receiver.requests == [sent]


async def test_an_attempt_held_back_sends_nothing(sender: LabSender) -> None:
    receiver = Receiver()
    answer, sent = await attempt(sender, Faults(hold=1), receiver.post)
    assert (answer.reason, sent, receiver.requests) == (Reason.LAB, None, [])


@pytest.mark.parametrize(("text", "at_once"), [("deliver=twice", 1), ("deliver=at-once", 2)])
async def test_twice_is_one_after_another_or_both_at_once(
    sender: LabSender, text: str, at_once: int
) -> None:
    receiver = Receiver()
    answer, _ = await attempt(sender, parse_faults(text), receiver.post)
    assert answer.reason is None
    assert len(receiver.requests) == 2
    assert receiver.under_way_most == at_once


async def test_a_duplicate_refused_fails_the_attempt(sender: LabSender) -> None:
    receiver = Receiver(204, 409)
    answer, _ = await attempt(sender, Faults(deliver="twice"), receiver.post)
    assert answer.status_code == 409


async def test_only_a_2xx_is_thrown_away(sender: LabSender) -> None:
    receiver = Receiver(500, 204)
    refused, _ = await attempt(sender, Faults(again_ms=1000), receiver.post)
    lost, _ = await attempt(sender, Faults(again_ms=1000), receiver.post)
    assert (refused.status_code, refused.reason) == (500, Reason.STATUS)
    assert (lost.status_code, lost.reason) == (204, Reason.LAB)


async def test_an_old_attempt_is_older_than_its_moment(sender: LabSender) -> None:
    _, sent = await attempt(sender, Faults(timestamp="old"), Receiver().post)
    assert sent is not None
    assert dict(sent.headers)[b"webhook-timestamp"] == b"%d" % (NOW_S - 600)


async def test_a_full_group_goes_latest_first_and_one_at_a_time(sender: LabSender) -> None:
    receiver = Receiver()
    tasks = []
    for name in (b"1", b"2", b"3", b"4"):
        tasks.append(
            asyncio.create_task(attempt(sender, Faults(reorder=4), receiver.post, body=name))
        )
        await settle()
        if name != b"4":
            assert receiver.requests == []
    await asyncio.gather(*tasks)
    assert [request.body for request in receiver.requests] == [b"4", b"3", b"2", b"1"]
    assert receiver.under_way_most == 1


async def test_a_group_that_does_not_fill_goes_after_some_seconds(
    sender: LabSender, clock: FakeClock
) -> None:
    receiver = Receiver()
    tasks = [
        asyncio.create_task(attempt(sender, Faults(reorder=3), receiver.post, body=name))
        for name in (b"1", b"2")
    ]
    await clock.elapse(PATIENCE_S - 0.1)
    assert receiver.requests == []
    await clock.elapse(0.1)
    await asyncio.gather(*tasks)
    assert [request.body for request in receiver.requests] == [b"2", b"1"]


async def test_only_the_first_attempt_that_is_sent_waits_for_others(sender: LabSender) -> None:
    receiver = Receiver()
    faults = Faults(reorder=2, hold=1)
    await attempt(sender, faults, receiver.post, number=1)
    await attempt(sender, faults, receiver.post, number=3)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("victim", [0, 1, 2])
async def test_whoever_is_cancelled_holds_up_nobody(clock: FakeClock, victim: int) -> None:
    reordering = Reordering(clock)
    went: list[int] = []

    async def go(number: int) -> None:
        async with reordering.turn("here", 3):
            await settle(30)
            went.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(3)]
    await settle(5)
    tasks[victim].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert went == [number for number in (2, 1, 0) if number != victim]


async def test_groups_of_two_destinations_do_not_mix(clock: FakeClock) -> None:
    reordering = Reordering(clock)
    went: list[str] = []

    async def go(name: str) -> None:
        async with reordering.turn(name[0], 2):
            went.append(name)

    tasks = [asyncio.create_task(go(name)) for name in ("a1", "b1", "a2", "b2")]
    await asyncio.gather(*tasks)
    assert went.index("a2") < went.index("a1")
    assert went.index("b2") < went.index("b1")
