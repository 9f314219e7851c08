"""Endpoints on the wire: their own secret, headers and schedule; rotation; enabled again."""

from __future__ import annotations

import json

import pytest
import standardwebhooks

from ringback.service.endpoints import EndpointChanges
from ringback.testing import ReceivedRequest
from ringback.webhooks.events import EventType
from ringback.webhooks.model import DeliveryStatus
from tests.webhooks.delivery.world import OVERLAP_S, World


def is_signed(request: ReceivedRequest, secret: str) -> bool:
    """Ask a verifier of another project."""
    try:
        standardwebhooks.Webhook(secret).verify(request.body.decode(), dict(request.headers))
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


async def test_an_endpoint_is_sent_its_own_headers_signed_with_its_own_secret(
    world: World,
) -> None:
    receiver = await world.receiver()
    _, secret = await world.endpoint(receiver.url, headers={"x-api-key": "s3cret"})
    job = await world.finish(None)
    assert await world.dispatch() == 1
    (request,) = receiver.requests
    assert is_signed(request, secret)
    assert not is_signed(request, world.secret)
    assert request.header("x-api-key") == "s3cret"
    (attempt,) = await world.attempts_of(job)
    assert "x-api-key: (redacted)" in attempt.request_headers.split("\n")
    assert "s3cret" not in repr(attempt)


async def test_a_test_event_arrives_and_is_in_the_log(world: World) -> None:
    receiver = await world.receiver()
    endpoint, secret = await world.endpoint(receiver.url, events=("job.failed",))
    delivery_id = await world.endpoints.send_test(endpoint.endpoint_id, workspace_id="studio")
    assert await world.dispatch() == 1
    (request,) = receiver.requests
    assert is_signed(request, secret)
    assert request.header("webhook-id") == delivery_id
    assert request.header("ringback-event") == "endpoint.test"
    assert "ringback-engine" not in {name for name, _ in request.headers}
    body = json.loads(request.body)
    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == "endpoint.test"
    assert body["data"]["endpoint_id"] == endpoint.endpoint_id
    (delivery,) = await world.store.deliveries_of("")
    assert (delivery.delivery_id, delivery.status) == (delivery_id, DeliveryStatus.DELIVERED)


@pytest.mark.parametrize("of", ["endpoint", "workspace"])
async def test_both_secrets_verify_during_the_overlap_and_the_new_one_alone_after_it(
    world: World, of: str
) -> None:
    receiver = await world.receiver()
    if of == "endpoint":
        endpoint, old = await world.endpoint(receiver.url)
        rotated = await world.endpoints.rotate_endpoint_secret(
            endpoint.endpoint_id, workspace_id="studio"
        )
    else:
        old = world.secret
        rotated = await world.endpoints.rotate_workspace_secret("studio")
    webhook_url = None if of == "endpoint" else receiver.url
    await world.finish(webhook_url)
    await world.dispatch()
    world.clock.advance(OVERLAP_S)
    await world.finish(webhook_url)
    await world.dispatch()
    during, after = receiver.requests
    assert is_signed(during, rotated.secret)
    assert is_signed(during, old)
    signatures = str(after.header("webhook-signature")).split(" ")
    assert len(signatures) == 1
    assert is_signed(after, rotated.secret)
    assert not is_signed(after, old)


async def test_what_is_owed_right_after_an_endpoint_is_enabled_again_is_not_discarded(
    world: World,
) -> None:
    receiver = await world.receiver()
    endpoint, _ = await world.endpoint(receiver.url)
    job = await world.finish(None)
    scope = {"workspace_id": "studio"}
    await world.endpoints.change(endpoint.endpoint_id, EndpointChanges(disabled=True), **scope)
    await world.dispatch()  # the dispatcher has seen that it is disabled
    assert (await world.delivery_of(job)).status is DeliveryStatus.DISCARDED
    await world.endpoints.change(endpoint.endpoint_id, EndpointChanges(disabled=False), **scope)
    again = await world.finish(None)
    await world.dispatch()
    assert (await world.delivery_of(again)).status is DeliveryStatus.DELIVERED
    assert receiver.requests_count == 1


async def test_a_disabled_endpoint_is_owed_nothing(world: World) -> None:
    endpoint, _ = await world.endpoint("https://shop.example/x")
    await world.endpoints.change(
        endpoint.endpoint_id, EndpointChanges(disabled=True), workspace_id="studio"
    )
    job = await world.finish(None)
    assert await world.store.deliveries_of(job.job_id) == []


async def test_a_deleted_endpoint_is_called_no_more(world: World) -> None:
    receiver = await world.receiver()
    endpoint, _ = await world.endpoint(receiver.url)
    job = await world.finish(None)
    await world.endpoints.delete(endpoint.endpoint_id, workspace_id="studio")
    await world.dispatch()
    assert receiver.requests_count == 0
    assert (await world.delivery_of(job)).status is DeliveryStatus.DISCARDED


async def test_an_endpoints_own_schedule_says_when_it_is_given_up(world: World) -> None:
    receiver = await world.receiver(then=500)
    await world.endpoint(receiver.url, schedule_s=(0.0, 1.0))
    job = await world.finish(None)
    await world.dispatch()
    world.clock.advance(2)
    await world.dispatch()
    assert (await world.delivery_of(job)).status is DeliveryStatus.EXHAUSTED
    assert receiver.requests_count == 2


async def test_an_endpoint_that_is_gone_is_disabled_until_a_person_enables_it(
    world: World,
) -> None:
    receiver = await world.receiver(410)
    endpoint, _ = await world.endpoint(receiver.url)
    await world.finish(None)
    await world.dispatch()
    gone = await world.endpoints.get(endpoint.endpoint_id, workspace_id="studio")
    assert gone.disabled_reason == "gone"
    assert not gone.wants(EventType.JOB_COMPLETED, "bfl/flux-1-dev")
    enabled = await world.endpoints.change(
        endpoint.endpoint_id, EndpointChanges(disabled=False), workspace_id="studio"
    )
    assert enabled.missed_since_ms is not None
    await world.finish(None)
    await world.dispatch()
    assert receiver.requests_count == 2
