"""The delivery log, redelivery and destinations through the API."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from tests.api.test_krea_compat import Description, Descriptions
from tests.storage.contract.test_store import recording
from tests.world import WEBHOOK_URL, World

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
SECRETS = "request-id: 7\nset-cookie: (redacted)\nx: a: b"


@pytest.fixture
async def descriptions(client: httpx2.AsyncClient) -> Descriptions:
    """Our own description, as the judge of every answer."""
    return Descriptions(Description((await client.get("/openapi.json")).json()), None)


async def owed(world: World, *, token: str = "studio", url: str = WEBHOOK_URL) -> str:
    """Return the id of the delivery of a job that has ended."""
    await world.submit(token=token, headers={"x-webhook-url": url})
    job = await world.complete()
    (delivery,) = await world.store.deliveries_of(job.job_id)
    return delivery.delivery_id


async def attempted(world: World, *, ends: bool = False, **changes: Any) -> Delivery:
    """Let the longest-due delivery have an attempt."""
    now_ms = world.clock.now_ms()
    (claimed,) = await world.store.claim_due(
        now_ms=now_ms, limit=1, limit_each=1, lease_until_ms=now_ms + 1000
    )
    made = Attempt(
        number=claimed.attempts_count + 1, started_at_ms=now_ms, duration_ms=12, reason="status"
    )
    made = replace(made, **changes)
    after = replace(
        claimed,
        attempts_count=made.number,
        reason=made.reason,
        next_attempt_at_ms=None if ends else now_ms + 5_000,
        ended_at_ms=now_ms if ends else None,
        status=DeliveryStatus.EXHAUSTED if ends else DeliveryStatus.WAITING,
    )
    assert (await world.store.record_attempt(recording(after, made, now=now_ms))).written
    return after


async def test_a_delivery_is_shown_with_every_attempt(
    world: World, client: httpx2.AsyncClient, descriptions: Descriptions
) -> None:
    delivery_id = await owed(world)
    await attempted(
        world,
        status_code=503,
        address="203.0.113.9",
        dns_ms=1.5,
        connect_ms=2.0,
        first_byte_ms=7.25,
        request_headers="webhook-id: 7\nauthorization: (redacted)",
        response_headers=SECRETS,
        response="<script>café\u001b[2J".encode(),
        truncated=True,
    )
    await attempted_later(world, status_code=500, response=b"\xff\x00")
    answer = await client.get(f"/deliveries/{delivery_id}")
    descriptions.check(answer)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = answer.json()
    assert found["status"] == "waiting"
    assert found["url"] == WEBHOOK_URL
    assert found["body"].startswith('{"job_id":"')
    first, second = found["attempts"]
    assert first == {
        "number": 1,
        "started_at": "2027-01-15T08:00:00.000Z",
        "duration_ms": 12,
        "timings": {"dns_ms": 1.5, "connect_ms": 2.0, "tls_ms": None, "first_byte_ms": 7.25},
        "address": "203.0.113.9",
        "reused_connection": False,
        "request_headers": [["webhook-id", "7"], ["authorization", "(redacted)"]],
        "status_code": 503,
        "reason": "status",
        "detail": None,
        "response_headers": [["request-id", "7"], ["set-cookie", "(redacted)"], ["x", "a: b"]],
        "response": "<script>café\u001b[2J",
        "response_encoding": "utf-8",
        "response_truncated": True,
    }
    assert (second["response"], second["response_encoding"]) == ("/wA=", "base64")


async def attempted_later(world: World, **changes: Any) -> Delivery:
    world.clock.advance(5)
    return await attempted(world, **changes)


async def test_a_blocked_target_says_no_more_than_that(
    world: World, client: httpx2.AsyncClient
) -> None:
    delivery_id = await owed(world)
    await attempted(world, reason="blocked_target", address="10.0.0.7", dns_ms=1.5, connect_ms=2.0)
    answer = await client.get(f"/deliveries/{delivery_id}")
    assert "10.0.0.7" not in answer.text
    (attempt,) = answer.json()["attempts"]
    assert attempt["reason"] == "blocked_target"
    assert set(attempt["timings"].values()) == {None}
    explained = (await client.get(f"/deliveries/{delivery_id}/explain")).json()
    assert explained["sentences"][0].startswith("Attempt 1 failed (blocked_target);")


async def test_the_log_is_listed_page_by_page(
    world: World, client: httpx2.AsyncClient, descriptions: Descriptions
) -> None:
    ids = [await owed(world) for _ in range(5)]
    await owed(world, token="rival")
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = await client.get("/deliveries", params=query)
        descriptions.check(answer)
        page = answer.json()
        seen += [item["delivery_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == ids[::-1]


async def test_the_log_is_filtered_by_everything_at_once(
    world: World, client: httpx2.AsyncClient
) -> None:
    gone = await owed(world, url="https://gone.example/")
    await attempted(world, ends=True)
    world.clock.advance(60)
    await owed(world)
    job_id = (await client.get(f"/deliveries/{gone}")).json()["job_id"]
    everything = {
        "job_id": job_id,
        "destination": "https://GONE.example",
        "status": "exhausted",
        "reason": "status",
        "event": "job.completed",
        "since": "2027-01-15T08:00:00Z",
        "before": "2027-01-15T08:00:30+00:00",
    }
    for query in (everything, *({name: value} for name, value in everything.items())):
        page = (await client.get("/deliveries", params=query)).json()
        found = [item["delivery_id"] for item in page["items"]]
        assert found[-1:] == [gone], query
        assert (len(found) == 1) == (query.keys() - {"event", "since"} != set()), query
    assert (await client.get("/deliveries", params={"endpoint_id": "e1"})).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("reason", "bad luck"),
        ("event", "job.exploded"),
        ("since", "yesterday"),
        ("before", "2027-13-01T00:00:00Z"),
        ("cursor", "AAAA"),
        ("cursor", "é"),
        ("cursor", "gAAAAAAAAAA"),
        ("destination", "shop.example"),
        ("job_id", "' or 1=1"),
        ("endpoint_id", ""),
        ("limit", "0"),
        ("limit", "1001"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: httpx2.AsyncClient, descriptions: Descriptions, name: str, value: str
) -> None:
    answer = await client.get("/deliveries", params={name: value})
    descriptions.check(answer)
    assert answer.status_code == 400
    (detail,) = answer.json()["details"]
    assert detail["path"] == f"query:{name}"


async def test_another_workspaces_delivery_is_not_found_in_any_route(
    world: World, client: httpx2.AsyncClient, rival: httpx2.AsyncClient, descriptions: Descriptions
) -> None:
    theirs = await owed(world)
    for delivery_id in (theirs, UNKNOWN, "%00"):
        for method, path in (
            ("GET", ""),
            ("POST", "/redeliver"),
            ("POST", "/cancel"),
            ("GET", "/explain"),
        ):
            answer = await rival.request(method, f"/deliveries/{delivery_id}{path}")
            assert answer.status_code == 404
            assert answer.json()["code"] == "delivery_not_found"
    assert (await rival.get("/deliveries")).json()["items"] == []
    assert (await rival.get("/destinations")).json()["items"] == []
    assert (await rival.get("/events")).json()["items"] == []
    assert (await client.get(f"/deliveries/{theirs}")).status_code == 200


async def test_a_delivery_is_redelivered_then_cancelled(
    world: World, client: httpx2.AsyncClient, descriptions: Descriptions
) -> None:
    delivery_id = await owed(world)
    await attempted(world, ends=True)
    ended = await client.post(f"/deliveries/{delivery_id}/cancel")
    again = await client.post(f"/deliveries/{delivery_id}/redeliver")
    explained = await client.get(f"/deliveries/{delivery_id}/explain")
    now_ms = world.clock.now_ms()
    await world.store.claim_due(now_ms=now_ms, limit=1, limit_each=1, lease_until_ms=now_ms + 9)
    in_flight = await client.post(f"/deliveries/{delivery_id}/redeliver")
    await world.store.rescue_deliveries(leases_until_ms=now_ms + 9, now_ms=now_ms + 9)
    cancelled = await client.post(f"/deliveries/{delivery_id}/cancel")
    for answer in (ended, again, explained, in_flight, cancelled):
        descriptions.check(answer)
    assert (ended.status_code, ended.json()["code"]) == (409, "delivery_ended")
    assert (again.status_code, again.json()["status"]) == (200, "waiting")
    assert again.json()["attempts_count"] == 1
    assert explained.json()["codes"] == ["no_room"]
    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "delivery_in_flight")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


async def test_destinations_are_listed_paused_and_resumed(
    world: World, client: httpx2.AsyncClient, descriptions: Descriptions
) -> None:
    await owed(world, url="https://b.example/1")
    await owed(world, url="https://a.example/")
    first = await client.get("/destinations?limit=1")
    rest = await client.get("/destinations", params={"cursor": first.json()["next_cursor"]})
    paused = await client.post("/destinations/pause", json={"destination": "https://b.example"})
    resumed = await client.post(
        "/destinations/resume", json={"destination": "https://b.example:443"}
    )
    for answer in (first, rest, paused, resumed):
        descriptions.check(answer)
    assert [item["destination"] for item in first.json()["items"]] == ["https://a.example:443"]
    assert [item["destination"] for item in rest.json()["items"]] == ["https://b.example:443"]
    assert rest.json()["next_cursor"] is None
    assert paused.json() == {
        "destination": "https://b.example:443",
        "paused_at": "2027-01-15T08:00:00.000Z",
        "breaker": {"state": "closed", "failures_count": 0, "open_until": None},
        "next_due_at": "2027-01-15T08:00:00.000Z",
        "waiting_count": 1,
    }
    assert resumed.json()["paused_at"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"destination": "https://nowhere.example"}, 404),
        ({"destination": "nowhere"}, 400),
        ({"destination": 7}, 400),
        ({"destination": "https://a.example", "for": "ever"}, 400),
        ({}, 400),
    ],
)
async def test_a_pause_of_nothing_is_refused(
    client: httpx2.AsyncClient, descriptions: Descriptions, body: dict[str, Any], status: int
) -> None:
    answer = await client.post("/destinations/pause", json=body)
    descriptions.check(answer)
    assert answer.status_code == status
