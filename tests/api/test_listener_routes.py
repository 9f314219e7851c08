"""Listeners: deliveries that are handed out to a program, and its reports."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from ringback.wire.signature import verify
from tests.api.streaming import Stream, streaming
from tests.world import FLUX, World

ED = "/webhooks/listeners/ed@laptop"
SECRET_AGE_S = 300


async def open_listener(
    client: httpx2.AsyncClient, path: str = ED, **changes: Any
) -> dict[str, Any]:
    answer = await client.put(path, json=changes)
    assert answer.status_code in (200, 201), answer.text
    document: dict[str, Any] = answer.json()
    return document


@asynccontextmanager
async def listening(world: World, path: str = ED, query: str = "") -> AsyncIterator[Stream]:
    """Connect as the listener's program does."""
    async with streaming(world, query, path=f"{path}/deliveries") as (stream, _task):
        await stream.until("event: listening")
        yield stream


async def handed(stream: Stream, *, count: int = 1) -> list[dict[str, Any]]:
    """Return the deliveries that came, once there are so many."""
    await stream.until_count("event: delivery", count)
    return [one for one in stream.events if "epoch" in one]


def a_report(delivery: dict[str, Any], **changes: Any) -> dict[str, Any]:
    report = {
        "delivery_id": delivery["delivery_id"],
        "epoch": delivery["epoch"],
        "webhook_timestamp": delivery["webhook_timestamp"],
        "status_code": 204,
        "headers": [["server", "tests"], ["set-cookie", "id=7"]],
        "body": b64encode(b"thanks").decode(),
        "duration_ms": 12.5,
        "connect_ms": 0.5,
        "first_byte_ms": 11.0,
    }
    return {**report, **changes}


async def a_handed_delivery(world: World, client: httpx2.AsyncClient) -> dict[str, Any]:
    await open_listener(client)
    await world.submit()
    await world.complete()
    async with listening(world) as stream:
        (delivery,) = await handed(stream)
    return delivery


async def test_opening_makes_a_listener_once_and_shows_its_secret_once(
    client: httpx2.AsyncClient,
) -> None:
    made = await client.put(ED, json={"events": ["job.failed"]})
    assert made.status_code == 201
    document = made.json()
    assert document["secret"].startswith("whsec_")
    assert (document["listener"], document["url"]) == ("ed@laptop", "listener:ed@laptop")
    assert document["events"] == ["job.failed"]
    again = await client.put(ED, json={"models": ["bfl/flux-1-dev"]})
    assert again.status_code == 200
    assert "secret" not in again.json()
    assert again.json()["endpoint_id"] == document["endpoint_id"]
    assert (again.json()["events"], again.json()["models"]) == (["job.failed"], ["bfl/flux-1-dev"])
    listed = (await client.get("/webhooks/endpoints")).json()["items"]
    assert [one["listener"] for one in listed] == ["ed@laptop"]


async def test_a_delivery_is_handed_out_signed_and_its_answer_is_in_the_log(
    world: World, client: httpx2.AsyncClient
) -> None:
    secret = (await open_listener(client))["secret"]
    job_id = (await world.submit())["job_id"]
    async with listening(world) as stream:
        await world.complete()
        (delivery,) = await handed(stream)
        headers = dict(delivery["headers"])
        now_s = world.clock.now_ms() / 1000
        verify([secret], headers=headers, body=delivery["body"].encode(), now_s=now_s)
        assert json.loads(delivery["body"])["job_id"] == job_id
        assert headers["ringback-attempt"] == "1"
        assert headers["webhook-id"] == delivery["delivery_id"]
        answer = await client.post(f"{ED}/answers", json=a_report(delivery))
    assert (answer.status_code, answer.json()["recorded"]) == (200, True)
    assert answer.json()["status"] == "delivered"
    log = (await client.get(f"/deliveries/{delivery['delivery_id']}")).json()
    (attempt,) = log["attempts"]
    assert log["status"] == "delivered"
    assert (attempt["status_code"], attempt["reason"], attempt["response"]) == (204, None, "thanks")
    assert attempt["request_headers"] == [list(header) for header in delivery["headers"]]
    assert attempt["response_headers"] == [["server", "tests"], ["set-cookie", "(redacted)"]]
    assert attempt["timings"]["first_byte_ms"] == 11.0
    assert attempt["address"] is None


@pytest.mark.parametrize(
    ("report", "reason", "status"),
    [
        ({"status_code": 500}, "status", "waiting"),
        ({"status_code": 302}, "redirect", "waiting"),
        ({"status_code": None, "reason": "connect"}, "connect", "waiting"),
        ({"status_code": None, "reason": "timeout"}, "timeout", "waiting"),
        ({"status_code": 200, "reason": "protocol"}, "protocol", "waiting"),
        ({"status_code": 410}, "status", "discarded"),
    ],
)
async def test_a_reported_answer_counts_like_one_that_a_receiver_sent(
    world: World, client: httpx2.AsyncClient, report: dict[str, Any], reason: str, status: str
) -> None:
    delivery = await a_handed_delivery(world, client)
    answer = await client.post(f"{ED}/answers", json=a_report(delivery, **report))
    assert (answer.json()["status"], answer.json()["reason"]) == (status, reason)
    (listener,) = (await client.get("/webhooks/endpoints")).json()["items"]
    assert not listener["disabled"]
    if status == "waiting":
        assert answer.json()["next_attempt_at"] is not None
        world.clock.advance(10)
        async with listening(world) as stream:
            (again,) = await handed(stream)
        assert again["delivery_id"] == delivery["delivery_id"]
        assert again["body"] == delivery["body"]
        assert dict(again["headers"])["ringback-attempt"] == "2"


async def test_a_delivery_that_waited_long_for_its_program_still_has_its_whole_schedule(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    await world.submit()
    await world.complete()
    world.clock.advance(86_400 * 60)
    async with listening(world) as stream:
        (delivery,) = await handed(stream)
    answer = await client.post(f"{ED}/answers", json=a_report(delivery, status_code=500))
    assert answer.json()["status"] == "waiting"


async def test_an_answer_that_comes_twice_or_after_the_lease_changes_nothing(
    world: World, client: httpx2.AsyncClient
) -> None:
    delivery = await a_handed_delivery(world, client)
    await world.store.rescue_deliveries(leases_until_ms=2**53, now_ms=2**53)
    async with listening(world) as stream:
        (again,) = await handed(stream)
    assert again["delivery_id"] == delivery["delivery_id"]
    for report in (a_report(delivery), a_report(again), a_report(again, status_code=500)):
        answer = await client.post(f"{ED}/answers", json=report)
        if report["epoch"] == again["epoch"] and report["status_code"] == 204:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "stale_answer")
    log = (await client.get(f"/deliveries/{delivery['delivery_id']}")).json()
    assert (log["status"], len(log["attempts"])) == ("delivered", 1)


async def test_an_untried_delivery_is_given_back_and_comes_again_at_once(
    world: World, client: httpx2.AsyncClient
) -> None:
    delivery = await a_handed_delivery(world, client)
    untried = {key: delivery[key] for key in ("delivery_id", "epoch")} | {"untried": True}
    answer = await client.post(f"{ED}/answers", json=untried)
    assert (answer.status_code, answer.json()["recorded"]) == (200, False)
    async with listening(world) as stream:
        (again,) = await handed(stream)
    assert again["delivery_id"] == delivery["delivery_id"]
    assert again["attempt"] == 1


async def test_another_workspace_sees_nothing_of_a_listener(
    world: World, client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    delivery = await a_handed_delivery(world, client)
    for answer in (
        await rival.get(f"{ED}/deliveries", headers={"accept": "text/event-stream"}),
        await rival.post(f"{ED}/answers", json=a_report(delivery)),
        await rival.delete(ED),
    ):
        assert answer.status_code == 404, answer.text
    theirs = await open_listener(rival)
    assert theirs["secret"]
    answer = await rival.post(f"{ED}/answers", json=a_report(delivery))
    assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")
    assert (await client.post(f"{ED}/answers", json=a_report(delivery))).status_code == 200


async def test_a_listener_does_not_answer_for_another_one(
    world: World, client: httpx2.AsyncClient
) -> None:
    delivery = await a_handed_delivery(world, client)
    await open_listener(client, "/webhooks/listeners/eve")
    answer = await client.post("/webhooks/listeners/eve/answers", json=a_report(delivery))
    assert answer.status_code == 404


async def test_two_programs_of_one_listener_share_its_deliveries(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    for _ in range(6):
        await world.submit()
        await world.complete()
    async with (
        listening(world, query="at_once=2") as one,
        listening(world, query="at_once=4") as two,
    ):
        first, second = await handed(one, count=2), await handed(two, count=4)
        ids = {delivery["delivery_id"] for delivery in (*first, *second)}
        assert len(ids) == len(first) + len(second) == 6
        await world.submit()
        await world.complete()
        # Both have their hands full until one has answered, in whichever order they are woken.
        await client.post(f"{ED}/answers", json=a_report(first[0]))
        assert (await handed(one, count=3))[-1]["delivery_id"] not in ids


async def test_passing_events_have_half_of_a_programs_places_however_long_it_takes_over_them(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client, events=["job.started", "job.completed"])
    for _ in range(4):
        await world.submit()
    for _ in range(3):
        await world.claim()
    listener = await world.listeners.named("ed@laptop", workspace_id="studio")
    (started,) = await world.listeners.take(listener, at_once=2)
    held = [started.delivery]
    assert await world.listeners.take(listener, at_once=2, held=held) == []
    await world.complete()
    (completed,) = await world.listeners.take(listener, at_once=2, held=held)
    assert (held[0].event, completed.delivery.event) == ("job.started", "job.completed")


async def test_a_listener_is_handed_the_events_and_models_that_it_asks_for_alone(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client, events=["job.failed"], models=["ringback/null"])
    async with listening(world) as stream:
        await world.submit()
        await world.complete()
        await world.submit(path=FLUX)
        await world.service.fail(await world.claim(), error="no")
        await world.submit()
        await world.service.fail(await world.claim(), error="no")
        (delivery,) = await handed(stream)
    assert delivery["event"] == "job.failed"
    assert len(await handed(stream)) == 1


async def test_no_deliverys_wait_for_its_program_is_a_riddle(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    await world.submit()
    await world.complete()
    (delivery,) = (await client.get("/deliveries")).json()["items"]
    path = f"/deliveries/{delivery['delivery_id']}/explain"
    assert (await client.get(path)).json()["codes"] == ["no_room"]
    world.clock.advance(86_400)
    away = (await client.get(path)).json()
    assert away["codes"] == ["listener_away"]
    assert "ringback listen --name ed@laptop" in away["sentences"][0]
    assert away["moves_at"] is None
    (destination,) = (await client.get("/destinations")).json()["items"]
    assert (destination["destination"], destination["waiting_count"]) == ("listener:ed@laptop", 1)


async def test_a_listener_that_nobody_comes_to_is_disabled_and_enabled_when_somebody_does(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    world.clock.advance(5 * 86_400 - 1)
    assert await world.listeners.disable_unheard() == 0
    world.clock.advance(2)
    assert await world.listeners.disable_unheard() == 1
    (listener,) = (await client.get("/webhooks/endpoints")).json()["items"]
    assert (listener["disabled"], listener["disabled_reason"]) == (True, "unheard")
    async with listening(world):
        pass
    (listener,) = (await client.get("/webhooks/endpoints")).json()["items"]
    assert not listener["disabled"]
    assert listener["missed"]["since"] is not None


async def test_a_listener_that_a_person_disabled_stays_so(
    world: World, client: httpx2.AsyncClient
) -> None:
    listener = await open_listener(client)
    await client.patch(f"/webhooks/endpoints/{listener['endpoint_id']}", json={"disabled": True})
    await open_listener(client)
    answer = await client.get(f"{ED}/deliveries", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")


async def test_a_listener_has_no_url_to_change(client: httpx2.AsyncClient) -> None:
    listener = await open_listener(client)
    path = f"/webhooks/endpoints/{listener['endpoint_id']}"
    answer = await client.patch(path, json={"url": "https://shop.example/x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "listener_has_no_url")


async def test_a_forgotten_listener_is_gone_and_its_stream_ends(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    async with streaming(world, path=f"{ED}/deliveries") as (stream, task):
        await stream.until("event: listening")
        assert (await client.delete(ED)).status_code == 200
        world.clock.advance(20)
        await task
        assert stream.has_ended
    assert (await client.get("/webhooks/endpoints")).json()["items"] == []
    assert (await client.delete(ED)).status_code == 404


async def test_beyond_its_endpoints_a_workspace_has_no_listener(
    world: World, client: httpx2.AsyncClient
) -> None:
    for number in range(world.settings.endpoints_max):
        await open_listener(client, f"/webhooks/listeners/n{number}")
    answer = await client.put(ED, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")


async def test_a_test_event_reaches_a_listener(world: World, client: httpx2.AsyncClient) -> None:
    listener = await open_listener(client)
    async with listening(world) as stream:
        await client.post(f"/webhooks/endpoints/{listener['endpoint_id']}/test")
        (delivery,) = await handed(stream)
    assert (delivery["event"], delivery["job_id"]) == ("endpoint.test", None)


HOSTILE: list[tuple[dict[str, Any], int, str]] = [
    ({"status_code": 99}, 400, "status_code"),
    ({"status_code": "200"}, 400, "status_code"),
    ({"status_code": None}, 400, "status_code"),
    ({"status_code": 200, "reason": "connect"}, 400, "status_code"),
    ({"status_code": None, "reason": "lab"}, 400, "reason"),
    ({"headers": [["x", "a\nwebhook-id: forged"]]}, 400, "control characters"),
    ({"headers": [["x y", "a"]]}, 400, "header's name"),
    ({"headers": [["x", "\u2028"]]}, 400, "control characters"),
    ({"headers": [["x", "y" * 9_000]]}, 400, "8192"),
    ({"headers": [["x", "y"]] * 101}, 400, "headers"),
    ({"headers": {"x": "y"}}, 400, "headers"),
    ({"body": "%"}, 400, "base64"),
    ({"body": b64encode(b"x" * 16_385).decode()}, 400, "body"),
    ({"body": "A" * 70_000}, 413, "bytes"),
    ({"duration_ms": -1}, 400, "duration_ms"),
    ({"duration_ms": 1e300}, 400, "duration_ms"),
    ({"webhook_timestamp": 7}, 400, "webhook_timestamp"),
    ({"epoch": -1}, 400, "epoch"),
    ({"delivery_id": "x" * 200}, 400, "delivery_id"),
    ({"delivery_id": "x"}, 404, "no delivery"),
    ({"surprise": 1}, 400, "surprise"),
]


@pytest.mark.parametrize(("report", "status", "words"), HOSTILE)
async def test_a_hostile_report_is_refused_with_one_sentence_and_changes_nothing(
    world: World, client: httpx2.AsyncClient, report: dict[str, Any], status: int, words: str
) -> None:
    delivery = await a_handed_delivery(world, client)
    answer = await client.post(f"{ED}/answers", json=a_report(delivery, **report))
    sentence = answer.json()["error"]
    assert (answer.status_code, words in sentence) == (status, True), sentence
    assert len(sentence) < 300
    assert "\n" not in sentence
    log = (await client.get(f"/deliveries/{delivery['delivery_id']}")).json()
    assert (log["status"], log["attempts"]) == ("waiting", [])
    assert (await client.post(f"{ED}/answers", json=a_report(delivery))).status_code == 200


@pytest.mark.parametrize("name", ["-x", "a b", "x" * 65, "a%2Fb", "%0A", "ü"])
async def test_a_name_that_cannot_be_one_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.put(f"/webhooks/listeners/{name}", json={})
    assert answer.status_code in (400, 404)
    assert "\n" not in answer.json()["error"]


async def test_a_stream_that_nobody_asks_for_is_none(
    world: World, client: httpx2.AsyncClient
) -> None:
    await open_listener(client)
    answer = await client.get(f"{ED}/deliveries")
    assert (answer.status_code, "text/event-stream" in answer.json()["error"]) == (400, True)
    for at_once in ("0", "33", "many"):
        headers = {"accept": "text/event-stream"}
        answer = await client.get(f"{ED}/deliveries?at_once={at_once}", headers=headers)
        assert answer.status_code == 400
    assert (await client.put(ED, json={"url": "https://shop.example/"})).status_code == 400
