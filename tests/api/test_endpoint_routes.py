"""``/webhooks/endpoints``: a workspace creates, changes and deletes its own endpoints."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from ringback.signing.rotation import SIGNING_PER_KIND_MAX, endpoint_owner, workspace_owner
from ringback.signing.sealing import is_sealed
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import BulkOperationKind
from tests.world import NULL, WEBHOOK_URL, World, a_world

ENDPOINTS = "/webhooks/endpoints"


async def make(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(ENDPOINTS, json={"url": WEBHOOK_URL, **fields})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_new_endpoint_is_shown_with_its_secret_this_once(
    world: World, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(ENDPOINTS, json={"url": WEBHOOK_URL, "description": "the shop"})
    made = answer.json()
    assert answer.headers["location"] == f"{ENDPOINTS}/{made['endpoint_id']}"
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert await world.keys.secrets_of(endpoint_owner(made["endpoint_id"])) == [secret]
    assert made == {
        "endpoint_id": made["endpoint_id"],
        "url": WEBHOOK_URL,
        "listener": None,
        "heard_at": None,
        "description": "the shop",
        "events": ["job.completed", "job.failed", "job.cancelled"],
        "models": [],
        "headers": {},
        "schedule_s": None,
        "created_at": "2027-01-15T08:00:00.000Z",
        "disabled": False,
        "disabled_at": None,
        "disabled_reason": None,
        "failing_since": None,
        "missed": None,
        "public_keys": [],
    }
    assert (await client.get(f"{ENDPOINTS}/{made['endpoint_id']}")).json() == made
    assert (await client.get(ENDPOINTS)).json() == {"items": [made]}


async def test_custom_headers_are_sealed_and_shown_by_name_alone(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client, headers={"X-Api-Key": "s3cret", "Authorization": "Bearer abc"})
    assert made["headers"] == {"x-api-key": "(redacted)", "authorization": "(redacted)"}
    kept = await world.store.get_endpoint(made["endpoint_id"])
    assert kept is not None
    assert kept.headers is not None
    assert is_sealed(kept.headers)
    unsealed = world.server.resources.sealer.unseal(
        kept.headers, owner=f"endpoint:{made['endpoint_id']}"
    )
    assert unsealed == '{"x-api-key":"s3cret","authorization":"Bearer abc"}'


async def test_members_that_a_change_does_not_send_stay(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client, headers={"x-a": "1"}, events=["job.started"], schedule_s=[0, 5])
    path = f"{ENDPOINTS}/{made['endpoint_id']}"
    changed = (await client.patch(path, json={"models": ["bfl/flux-1-dev"]})).json()
    del made["secret"]
    assert changed == {**made, "models": ["bfl/flux-1-dev"]}
    assert changed["schedule_s"] == [0, 5]
    changed = (await client.patch(path, json={"headers": None, "schedule_s": None})).json()
    assert (changed["headers"], changed["schedule_s"]) == ({}, None)
    kept = await world.store.get_endpoint(made["endpoint_id"])
    assert kept is not None
    assert kept.headers is None


async def test_a_new_url_is_another_destination(world: World, client: httpx2.AsyncClient) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}"
    await client.patch(path, json={"url": "https://new.example/hooks"})
    kept = await world.store.get_endpoint(made["endpoint_id"])
    assert kept is not None
    assert (kept.url, kept.destination) == ("https://new.example/hooks", "https://new.example:443")


async def test_a_deleted_endpoint_is_gone_with_its_keys(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}"
    assert (await client.delete(path)).status_code == 200
    assert await world.store.keys_of(endpoint_owner(made["endpoint_id"])) == []
    for answer in (await client.get(path), await client.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_not_found")


async def test_another_workspaces_endpoint_is_not_there_in_any_route(
    client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}"
    for answer in (
        await rival.get(path),
        await rival.patch(path, json={"disabled": True}),
        await rival.delete(path),
        await rival.post(f"{path}/test"),
        await rival.post(f"{path}/recover", json={"since": "2027-01-01T00:00:00Z"}),
        await rival.post(f"{path}/secret/rotate"),
        await rival.get(f"{path}/keys"),
        await rival.post(f"{path}/keys", json={"kind": "v1a"}),
        await rival.delete(f"{path}/keys"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_not_found")
    assert (await rival.get(ENDPOINTS)).json() == {"items": []}
    del made["secret"]
    assert (await client.get(path)).json() == made


@pytest.mark.parametrize("path", ["", "/x", "/x/test", "/x/secret/rotate", "/x/keys", "/x/recover"])
async def test_without_a_token_there_is_no_route(world: World, path: str) -> None:
    async with world.client(None) as client:
        answer = await client.get(f"{ENDPOINTS}{path}")
        if answer.status_code == 405:
            answer = await client.post(f"{ENDPOINTS}{path}")
    assert answer.status_code == 401


async def test_a_workspace_keeps_no_more_endpoints_than_the_setting_says(tmp_path: Path) -> None:
    async with a_world(tmp_path, endpoints_max=2) as world, world.client() as client:
        first = await make(client)
        await make(client)
        refused = await client.post(ENDPOINTS, json={"url": WEBHOOK_URL})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_endpoints")
        await client.delete(f"{ENDPOINTS}/{first['endpoint_id']}")
        await make(client)


WRONG = [
    ({}, "/url"),
    ({"url": 7}, "/url"),
    ({"url": "ftp://shop.example"}, "/url"),
    ({"url": "https://10.0.0.1/x"}, "/url"),
    ({"url": WEBHOOK_URL, "colour": 1}, "/colour"),
    ({"url": WEBHOOK_URL, "description": "two\nlines"}, "/description"),
    ({"url": WEBHOOK_URL, "description": "x" * 501}, "/description"),
    ({"url": WEBHOOK_URL, "events": []}, "/events"),
    ({"url": WEBHOOK_URL, "events": "job.completed"}, "/events"),
    ({"url": WEBHOOK_URL, "events": ["job.completed", "endpoint.test"]}, "/events/1"),
    ({"url": WEBHOOK_URL, "events": [{}]}, "/events/0"),
    ({"url": WEBHOOK_URL, "events": ["job.started"] * 7}, "/events"),
    ({"url": WEBHOOK_URL, "models": ["bfl/flux-1-dev", "bfl/"]}, "/models/1"),
    ({"url": WEBHOOK_URL, "models": None}, "/models"),
    ({"url": WEBHOOK_URL, "headers": {"Host": "x"}}, "/headers/Host"),
    ({"url": WEBHOOK_URL, "headers": {"transfer-encoding": "x"}}, "/headers/transfer-encoding"),
    ({"url": WEBHOOK_URL, "headers": {"Content-Length": "1"}}, "/headers/Content-Length"),
    ({"url": WEBHOOK_URL, "headers": {"Webhook-Id": "1"}}, "/headers/Webhook-Id"),
    ({"url": WEBHOOK_URL, "headers": {"ringback-event": "1"}}, "/headers/ringback-event"),
    ({"url": WEBHOOK_URL, "headers": {"user-agent": "1"}}, "/headers/user-agent"),
    ({"url": WEBHOOK_URL, "headers": {"proxy-authorization": "1"}}, "/headers/proxy-authorization"),
    ({"url": WEBHOOK_URL, "headers": {"x a": "1"}}, "/headers/x a"),
    ({"url": WEBHOOK_URL, "headers": {"x/a": "1"}}, "/headers/x~1a"),
    ({"url": WEBHOOK_URL, "headers": {"": "1"}}, "/headers/"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": "a\r\nx-b: c"}}, "/headers/x-a"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": "é"}}, "/headers/x-a"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": " a"}}, "/headers/x-a"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": ""}}, "/headers/x-a"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": "(redacted)"}}, "/headers/x-a"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": "1", "X-A": "2"}}, "/headers/X-A"),
    ({"url": WEBHOOK_URL, "headers": {f"x-{n}": "1" for n in range(21)}}, "/headers"),
    ({"url": WEBHOOK_URL, "headers": {"x-a": "1" * 4_095}}, "/headers"),
    ({"url": WEBHOOK_URL, "schedule_s": []}, "/schedule_s"),
    ({"url": WEBHOOK_URL, "schedule_s": [0] * 51}, "/schedule_s"),
    ({"url": WEBHOOK_URL, "schedule_s": [0, -1]}, "/schedule_s/1"),
    ({"url": WEBHOOK_URL, "schedule_s": [604_801]}, "/schedule_s/0"),
    ({"url": WEBHOOK_URL, "schedule_s": [True]}, "/schedule_s/0"),
    ({"url": WEBHOOK_URL, "disabled": "no"}, "/disabled"),
]


@pytest.mark.parametrize(("body", "path"), WRONG, ids=[path for _, path in WRONG])
async def test_a_wrong_field_is_named_by_its_path(
    client: httpx2.AsyncClient, body: dict[str, Any], path: str
) -> None:
    made = await make(client)
    answers = [await client.post(ENDPOINTS, json=body)]
    if body:
        answers.append(await client.patch(f"{ENDPOINTS}/{made['endpoint_id']}", json=body))
    for answer in answers:
        assert answer.status_code == 400
        document = answer.json()
        assert [one["path"] for one in document["details"]] == [path]
        assert document["error"].endswith(".")
        assert "s3cret" not in document["error"]
    assert len((await client.get(ENDPOINTS)).json()["items"]) == 1


async def test_every_wrong_field_is_named_at_once(client: httpx2.AsyncClient) -> None:
    answer = await client.post(ENDPOINTS, json={"events": [], "disabled": 1, "colour": 2})
    paths = {one["path"] for one in answer.json()["details"]}
    assert paths == {"/url", "/events", "/disabled", "/colour"}


async def test_a_test_event_is_sent_for_any_selection_of_events(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client, events=["job.failed"])
    answer = await client.post(f"{ENDPOINTS}/{made['endpoint_id']}/test")
    assert answer.status_code == 202
    document = answer.json()
    (delivery,) = await world.store.deliveries_of("")
    assert document == {"delivery_id": delivery.delivery_id, "event": "endpoint.test"}
    assert (delivery.status, delivery.url) == (DeliveryStatus.WAITING, WEBHOOK_URL)
    assert delivery.workspace_id == "studio"
    assert b'"type":"endpoint.test"' in delivery.body


async def test_a_disabled_endpoint_is_tested_and_recovered_only_once_it_is_enabled(
    client: httpx2.AsyncClient,
) -> None:
    made = await make(client, disabled=True)
    assert (made["disabled"], made["disabled_reason"]) == (True, "asked")
    for operation in ("test", "recover"):
        answer = await client.post(f"{ENDPOINTS}/{made['endpoint_id']}/{operation}")
        assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")


async def failed(world: World, endpoint_id: str, reason: str, *, at_ms: int) -> None:
    """Make an endpoint one that attempts have disabled."""
    before = await world.store.get_endpoint(endpoint_id)
    assert before is not None
    after = replace(
        before,
        failing_since_ms=at_ms - 5_000,
        warned_percent=90,
        disabled_at_ms=at_ms,
        disabled_reason=reason,
    )
    assert await world.store.change_endpoint(after, before=before, now_ms=at_ms)


@pytest.mark.parametrize("reason", ["failing", "gone"])
async def test_one_that_is_enabled_again_is_as_good_as_new_and_shows_its_missed_events(
    world: World, client: httpx2.AsyncClient, reason: str
) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}"
    await failed(world, made["endpoint_id"], reason, at_ms=world.clock.now_ms())
    assert (await client.get(path)).json()["disabled_reason"] == reason
    world.clock.advance(3600)
    enabled = (await client.patch(path, json={"disabled": False})).json()
    assert enabled["missed"] == {
        "since": "2027-01-15T07:59:55.000Z",
        "recover": f"POST {path}/recover",
    }
    kept = await world.store.get_endpoint(made["endpoint_id"])
    assert kept is not None
    assert (kept.disabled_at_ms, kept.disabled_reason) == (None, None)
    assert (kept.failing_since_ms, kept.warned_percent) == (None, 0)

    answer = await client.post(f"{path}/recover")
    assert answer.status_code == 202
    (bulk_operation,) = [
        one for one in await world.store.open_bulk_operations() if one.kind == "recover"
    ]
    assert answer.json() == {
        "bulk_operation_id": bulk_operation.bulk_operation_id,
        "since": enabled["missed"]["since"],
    }
    assert (
        answer.headers["location"]
        == f"/webhooks/bulk-operations/{bulk_operation.bulk_operation_id}"
    )
    assert (bulk_operation.kind, bulk_operation.workspace_id) == (
        BulkOperationKind.RECOVER,
        "studio",
    )
    assert bulk_operation.selection.endpoint_id == made["endpoint_id"]
    assert bulk_operation.selection.workspace_id == "studio"
    assert (await client.get(path)).json()["missed"] is None


async def test_a_recovery_begins_at_the_requested_time(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}/recover"
    answer = await client.post(path, json={"since": "2027-01-15T09:00:00+01:00"})
    assert answer.json()["since"] == "2027-01-15T08:00:00.000Z"
    for since in ("yesterday", "2027-01-15", "2027-01-15T09:00:00", 7, "2027-13-15T09:00:00Z"):
        answer = await client.post(path, json={"since": since})
        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == "/since"
    assert len(await world.store.open_bulk_operations()) == 1


async def test_of_an_endpoint_that_missed_nothing_the_time_must_be_said(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    answer = await client.post(f"{ENDPOINTS}/{made['endpoint_id']}/recover")
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, "/since")
    assert await world.store.open_bulk_operations() == []


async def test_a_change_does_not_undo_the_result_of_an_attempt_meanwhile(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    stale = await world.store.get_endpoint(made["endpoint_id"])
    assert stale is not None
    await failed(world, made["endpoint_id"], "gone", at_ms=world.clock.now_ms())
    renamed = replace(stale, description="new")
    assert not await world.store.change_endpoint(renamed, before=stale, now_ms=1)
    changed = await client.patch(f"{ENDPOINTS}/{made['endpoint_id']}", json={"description": "new"})
    assert (changed.json()["description"], changed.json()["disabled"]) == ("new", True)


async def test_rotation_shows_the_new_secret_and_both_sign_for_the_overlap(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    rotated = (await client.post(f"{ENDPOINTS}/{made['endpoint_id']}/secret/rotate")).json()
    assert rotated["others_sign_until"] == "2027-01-16T08:00:00.000Z"
    owner = endpoint_owner(made["endpoint_id"])
    assert await world.keys.secrets_of(owner) == [rotated["secret"], made["secret"]]
    world.clock.advance(86_400)
    assert await world.keys.secrets_of(owner) == [rotated["secret"]]


async def test_a_leaked_secret_can_be_made_to_sign_no_more_at_once(
    world: World, client: httpx2.AsyncClient
) -> None:
    await world.submit()
    answer = await client.post("/webhooks/secret/rotate", json={"overlap_s": 0})
    owner = workspace_owner("studio")
    assert await world.keys.secrets_of(owner) == [answer.json()["secret"]]
    for body in ({"overlap_s": -1}, {"overlap_s": 2_592_001}, {"overlap_s": "1"}, {"hours": 1}):
        answer = await client.post("/webhooks/secret/rotate", json=body)
        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] in ("/overlap_s", "/hours")


async def test_rotations_in_one_moment_are_counted_one_by_one_and_every_secret_shown_signs(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = await make(client)
    path = f"{ENDPOINTS}/{made['endpoint_id']}/secret/rotate"
    answers = await asyncio.gather(*(client.post(path) for _ in range(12)))
    shown = {answer.json()["secret"] for answer in answers if answer.status_code == 200}
    assert {answer.status_code for answer in answers} == {200, 409}
    signing = await world.keys.secrets_of(endpoint_owner(made["endpoint_id"]))
    assert set(signing) == {made["secret"], *shown}


async def test_so_many_secrets_sign_at_once_and_no_more(client: httpx2.AsyncClient) -> None:
    most = SIGNING_PER_KIND_MAX
    answers = [await client.post("/webhooks/secret/rotate") for _ in range(most)]
    assert [answer.status_code for answer in answers] == [200] * (most - 1) + [409]
    assert answers[-1].json()["code"] == "too_many_secrets"
    answer = await client.post("/webhooks/secret/rotate", json={"overlap_s": 0})
    assert answer.status_code == 200


async def test_an_endpoints_url_is_checked_at_every_change(client: httpx2.AsyncClient) -> None:
    made = await make(client)
    answer = await client.patch(
        f"{ENDPOINTS}/{made['endpoint_id']}", json={"url": "https://169.254.169.254/latest"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "blocked_target")


async def test_a_jobs_end_is_owed_to_every_endpoint_that_wants_it(
    world: World, client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    wants = await make(client, url="https://a.example/x")
    await make(client, url="https://b.example/x", events=["job.failed"])
    await make(client, url="https://c.example/x", models=["bfl/flux-1-dev"])
    await make(client, url="https://d.example/x", disabled=True)
    await make(rival, url="https://e.example/x")
    answer = await client.post(NULL, json={"prompt": "x"}, headers={"x-webhook-url": WEBHOOK_URL})
    await world.complete()
    deliveries = await world.store.deliveries_of(answer.json()["job_id"])
    assert [(one.url, one.endpoint_id) for one in deliveries] == [
        (WEBHOOK_URL, None),
        ("https://a.example/x", wants["endpoint_id"]),
    ]
