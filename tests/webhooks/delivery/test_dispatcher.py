"""The dispatcher on a real store, real sockets and time moved by hand."""

from __future__ import annotations

import asyncio
import json

import pytest
import standardwebhooks
import svix

from ringback.egress.url import parse_target
from ringback.testing import hang, respond
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.schedule import SCHEDULE_S
from tests.patience import SOON_S
from tests.webhooks.delivery.world import World

DAY_S = 24 * 3600


async def test_a_webhook_brings_the_job_and_says_what_it_is(
    world: World,
) -> None:
    receiver = await world.receiver()
    job = await world.finish(receiver.url)
    assert await world.dispatch() == 1
    (request,) = await receiver.wait_for(1)
    headers = dict(request.headers)
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Ringback/")
    assert headers["ringback-event"] == "job.completed"
    assert headers["ringback-engine"] == "null"
    delivery = await world.delivery_of(job)
    assert headers["webhook-id"] == delivery.delivery_id
    assert int(headers["webhook-timestamp"]) == world.clock.now_ms() // 1000
    assert json.loads(request.body)["job_id"] == job.job_id
    assert delivery.status is DeliveryStatus.DELIVERED


async def test_a_refused_delivery_is_tried_again_with_the_same_id_and_bytes(world: World) -> None:
    receiver = await world.receiver(500, 404)
    job = await world.finish(receiver.url)
    for wait_s in (0, 7, 400):
        world.clock.advance(wait_s)
        assert await world.dispatch() == 1
    first, second, third = receiver.requests
    assert first.body == second.body == third.body
    assert first.header("webhook-id") == second.header("webhook-id") == third.header("webhook-id")
    assert first.header("webhook-signature") != second.header("webhook-signature")
    assert [one.header("ringback-attempt") for one in receiver.requests] == ["1", "2", "3"]
    attempts = await world.attempts_of(job)
    assert [(one.number, one.status_code, one.reason) for one in attempts] == [
        (1, 500, "status"),
        (2, 404, "status"),
        (3, 200, None),
    ]


async def test_a_delivery_is_not_tried_before_its_time(world: World) -> None:
    receiver = await world.receiver(500)
    await world.finish(receiver.url)
    await world.dispatch()
    world.clock.advance(3.9)  # the first delay is 5 s, less a fifth at most
    assert await world.dispatch() == 0


async def test_a_delivery_is_exhausted_after_the_whole_schedule(world: World) -> None:
    receiver = await world.receiver(then=503)
    job = await world.finish(receiver.url)
    for _ in range(2 * len(SCHEDULE_S)):
        await world.dispatch()
        world.clock.advance(1.3 * DAY_S)
    delivery = await world.delivery_of(job)
    assert delivery.status is DeliveryStatus.EXHAUSTED
    assert delivery.attempts_count == receiver.requests_count == len(SCHEDULE_S)


async def test_a_receiver_that_is_gone_is_not_asked_again(world: World) -> None:
    receiver = await world.receiver(410)
    job = await world.finish(receiver.url)
    await world.dispatch()
    world.clock.advance(2 * DAY_S)
    assert await world.dispatch() == 0
    assert (await world.delivery_of(job)).status is DeliveryStatus.DISCARDED


async def test_retry_after_puts_the_next_attempt_off(world: World) -> None:
    answer = respond(503, headers=[("retry-after", "3600")])
    receiver = await world.receiver(answer)
    await world.finish(receiver.url)
    await world.dispatch()
    world.clock.advance(3590)
    assert await world.dispatch() == 0
    world.clock.advance(11)
    assert await world.dispatch() == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/hook", "connect"),
        ("http://192.0.2.1/hook", "blocked_target"),
        ("http://169.254.169.254/latest/meta-data", "blocked_target"),
    ],
)
async def test_an_attempt_that_reached_nobody_is_recorded_with_its_reason(
    world: World, url: str, reason: str
) -> None:
    job = await world.finish(url)
    await world.dispatch()
    (attempt,) = await world.attempts_of(job)
    assert (attempt.status_code, attempt.reason) == (None, reason)
    assert (await world.delivery_of(job)).status is DeliveryStatus.WAITING


async def test_a_redirect_is_a_failed_attempt_and_nobody_follows_it(world: World) -> None:
    elsewhere = await world.receiver()
    receiver = await world.receiver(respond(302, headers=[("location", elsewhere.url)]))
    job = await world.finish(receiver.url)
    await world.dispatch()
    assert elsewhere.requests_count == 0
    assert [one.reason for one in await world.attempts_of(job)] == ["redirect"]


async def test_a_crash_between_sending_and_recording_sends_the_same_again(world: World) -> None:
    receiver = await world.receiver()
    job = await world.finish(receiver.url)
    # A dispatcher that died after its POST: the claim is all that it left behind.
    (claimed,) = await world.store.claim_due(
        now_ms=world.clock.now_ms(), limit=1, limit_each=1, lease_until_ms=world.clock.now_ms() + 9
    )
    await world.sender.post(claimed.url, [(b"webhook-id", claimed.delivery_id.encode())], b"1")
    world.clock.advance(1)
    assert await world.dispatch() == 0
    await world.store.rescue_deliveries(leases_until_ms=2**53, now_ms=world.clock.now_ms())
    assert await world.dispatch() == 1
    first, second = receiver.requests
    assert first.header("webhook-id") == second.header("webhook-id")
    assert (await world.delivery_of(job)).status is DeliveryStatus.DELIVERED


async def test_a_dispatcher_that_lost_its_lease_records_nothing(world: World) -> None:
    receiver = await world.receiver(hang())
    job = await world.finish(receiver.url)
    assert await world.dispatcher.run_once() == 1
    await receiver.wait_for(1)
    await world.store.rescue_deliveries(leases_until_ms=2**53, now_ms=world.clock.now_ms())
    await world.dispatcher.settled()
    assert await world.attempts_of(job) == []


async def test_one_hanging_destination_does_not_delay_the_others(world: World) -> None:
    slow = await world.receiver(then=hang())
    quick = await world.receiver()
    world.dispatch_with(webhook_concurrency=16, webhook_concurrency_per_destination=4)
    for _ in range(40):
        await world.finish(slow.url)
    for _ in range(5):
        await world.finish(quick.url)
    running = asyncio.create_task(world.dispatcher.run())
    await quick.wait_for(5)
    assert slow.requests_count <= 4
    await world.dispatcher.drain(0)
    await running


async def test_no_more_attempts_are_in_flight_to_one_destination_than_allowed(
    world: World,
) -> None:
    receiver = await world.receiver(then=hang())
    world.dispatch_with(webhook_concurrency_per_destination=3)
    for _ in range(10):
        await world.finish(receiver.url)
    await world.dispatcher.run_once()
    await receiver.wait_for(3)
    assert receiver.connections_count == 3
    await world.dispatcher.settled()


async def test_draining_gives_back_what_was_not_yet_sent(world: World) -> None:
    receiver = await world.receiver(hang())
    world.dispatch_with(webhook_concurrency_per_destination=1)
    jobs = [await world.finish(receiver.url) for _ in range(3)]
    await world.dispatcher.run_once()
    await receiver.wait_for(1)
    await world.dispatcher.drain(SOON_S)
    assert receiver.requests_count == 1
    assert [len(await world.attempts_of(job)) for job in jobs] == [1, 0, 0]
    world.dispatch_with()
    assert await world.dispatch() == 2


async def test_the_destination_of_a_url_is_its_origin() -> None:
    assert parse_target("https://Shop.Example/a?b").origin == "https://shop.example:443"


async def test_published_verifiers_take_our_signature_unmodified(world: World) -> None:
    receiver = await world.receiver()
    await world.finish(receiver.url)
    await world.dispatch()
    (request,) = receiver.requests
    headers, body = dict(request.headers), request.body.decode()
    for verifier, refusal in (
        (standardwebhooks.Webhook(world.secret), standardwebhooks.WebhookVerificationError),
        (svix.Webhook(world.secret), svix.WebhookVerificationError),
    ):
        verifier.verify(body, headers)
        with pytest.raises(refusal):
            verifier.verify(body + " ", headers)


async def test_what_a_person_cancelled_while_it_was_at_hand_is_not_sent(world: World) -> None:
    receiver = await world.receiver(hang())
    world.dispatch_with(webhook_concurrency_per_destination=1)
    jobs = [await world.finish(receiver.url) for _ in range(2)]
    await world.dispatcher.run_once()
    await receiver.wait_for(1)
    world.clock.advance(0.3)
    waiting = await world.delivery_of(jobs[1])
    assert await world.store.end_delivery(
        waiting, DeliveryStatus.CANCELLED, now_ms=world.clock.now_ms()
    )
    await world.dispatcher.settled()
    assert receiver.requests_count == 1
    assert (await world.delivery_of(jobs[1])).status is DeliveryStatus.CANCELLED
