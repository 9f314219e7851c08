from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from tests.world import FLUX, NULL, WEBHOOK_URL, World, a_world

PICTURE = {"prompt": "a serene mountain landscape at sunset", "width": 1024, "height": 576}


async def test_a_submission_is_answered_with_the_contracts_five_members_first(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(FLUX, json=PICTURE)
    assert answer.status_code == 200
    document = answer.json()
    assert list(document)[:5] == ["job_id", "status", "created_at", "completed_at", "result"]
    assert UUID(document["job_id"]).version == 7
    assert document["status"] == "queued"
    assert document["created_at"] == "2027-01-15T08:00:00.000Z"
    assert document["completed_at"] is None
    assert document["result"] is None
    assert document["type"] == "flux"
    assert document["model"] == "bfl/flux-1-dev"
    assert document["engine"] == "sketch"
    assert answer.headers["location"] == f"/jobs/{document['job_id']}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_accepted_job_is_in_the_store_as_it_was_submitted(
    world: World, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(FLUX, json=PICTURE, headers={"x-webhook-url": WEBHOOK_URL})
    job = await world.store.get_job(answer.json()["job_id"])
    assert job is not None
    assert job.workspace_id == "studio"
    assert job.webhook_url == WEBHOOK_URL
    assert job.base_url == "http://127.0.0.1:7464"
    assert job.input.items() >= PICTURE.items()


async def test_a_body_in_pieces_is_read_whole(client: httpx2.AsyncClient) -> None:
    async def pieces() -> object:
        for piece in (b'{"pro', b'mpt": "a f', b'ox"}'):
            yield piece

    answer = await client.post(NULL, content=pieces())  # type: ignore[arg-type]
    assert answer.status_code == 200


async def test_media_type_parameters_and_a_missing_media_type_are_fine(
    client: httpx2.AsyncClient,
) -> None:
    body = b'{"prompt": "a fox"}'
    for headers in ({}, {"content-type": "Application/JSON; charset=utf-8"}):
        answer = await client.post(NULL, content=body, headers=headers)
        assert answer.status_code == 200, headers


async def test_beyond_the_concurrency_limit_jobs_are_backlogged_and_then_refused(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, active_max=1, backlog_max=1) as world, world.client() as client:
        answers = [await client.post(NULL, json={"prompt": "x"}) for _ in range(3)]
    assert [answer.json().get("status") for answer in answers] == ["queued", "backlogged", None]
    refused = answers[2]
    assert refused.status_code == 429
    assert refused.json()["code"] == "backlog_full"
    assert int(refused.headers["retry-after"]) > 0


async def test_twenty_submissions_at_once_under_one_key_make_one_job(
    world: World, client: httpx2.AsyncClient
) -> None:
    headers = {"idempotency-key": "order-17"}
    answers = await asyncio.gather(
        *(client.post(NULL, json={"prompt": "a fox"}, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert replayed.count("true") == 19
    assert (await world.store.counts()).jobs == {"queued": 1}


async def test_a_repeated_submission_is_answered_as_the_first_one_was(
    world: World, client: httpx2.AsyncClient
) -> None:
    headers = {"idempotency-key": "order-17"}
    first = await client.post(NULL, json={"prompt": "a fox"}, headers=headers)
    await world.complete()
    again = await client.post(NULL, json={"prompt": "a fox"}, headers=headers)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_one_key_for_two_requests_is_a_conflict(client: httpx2.AsyncClient) -> None:
    headers = {"idempotency-key": "order-17"}
    await client.post(NULL, json={"prompt": "a fox"}, headers=headers)
    other = await client.post(NULL, json={"prompt": "a wolf"}, headers=headers)
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_conflict"


async def test_two_workspaces_may_use_the_same_key(
    client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    headers = {"idempotency-key": "order-17"}
    answers = [
        await one.post(NULL, json={"prompt": "a fox"}, headers=headers) for one in (client, rival)
    ]
    assert len({answer.json()["job_id"] for answer in answers}) == 2


async def test_a_submission_that_prefers_to_wait_is_answered_with_the_ended_job(
    world: World, client: httpx2.AsyncClient
) -> None:
    waiting = asyncio.create_task(
        client.post(NULL, json={"prompt": "a fox"}, headers={"prefer": "wait=900"})
    )
    while not await world.store.queued_engines():
        await asyncio.to_thread(lambda: None)
    await world.complete()
    answer = await waiting
    assert answer.headers["preference-applied"] == "wait=60"
    document = answer.json()
    assert document["status"] == "completed"
    assert document["completed_at"] == "2027-01-15T08:00:00.000Z"
    assert document["result"]["urls"] == ["http://127.0.0.1:7464/artifacts/picture.png"]


async def test_a_malformed_preference_is_ignored(client: httpx2.AsyncClient) -> None:
    for prefer in ("wait=soon", "wait=-1", "respond-async", ",,;="):
        answer = await client.post(NULL, json={"prompt": "x"}, headers={"prefer": prefer})
        assert answer.status_code == 200
        assert "preference-applied" not in answer.headers


async def test_a_deprecated_field_is_accepted_and_said_to_be_deprecated(
    client: httpx2.AsyncClient,
) -> None:
    old = await client.post(FLUX, json={"prompt": "x", "imageUrl": "https://img.example/a.png"})
    new = await client.post(FLUX, json={"prompt": "x", "image_url": "https://img.example/a.png"})
    assert old.status_code == new.status_code == 200
    assert old.headers["deprecation"].startswith("@")
    assert "deprecation" not in new.headers


async def test_a_draining_server_takes_no_new_jobs(
    world: World, client: httpx2.AsyncClient
) -> None:
    world.service.drain()
    answer = await client.post(NULL, json={"prompt": "x"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "draining"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"image_url": "https://169.254.169.254/latest"}, "/image_url"),
        ({"image_url": "https://intranet/a.png"}, "/image_url"),
        (
            {"style_images": [{"url": "https://10.0.0.1/a.png", "strength": 1}]},
            "/style_images/0/url",
        ),
    ],
)
async def test_an_input_url_that_may_not_be_called_is_refused_by_its_path(
    client: httpx2.AsyncClient, values: dict[str, object], path: str
) -> None:
    answer = await client.post(FLUX, json={"prompt": "a fox", **values})
    assert (answer.status_code, answer.json()["code"]) == (400, "blocked_target")
    assert [one["path"] for one in answer.json()["details"]] == [path]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/a.png",
        "data:image/png;base64,AAAA",
    ],
)
async def test_an_input_url_that_may_be_called_and_a_data_uri_are_taken(
    client: httpx2.AsyncClient, url: str
) -> None:
    answer = await client.post(FLUX, json={"prompt": "a fox", "image_url": url})
    assert answer.status_code == 200, answer.text


async def test_a_priority_is_kept_with_the_job_and_is_0_by_default(
    world: World, client: httpx2.AsyncClient
) -> None:
    for headers, kept in (({"x-ringback-priority": "-10"}, -10), ({}, 0)):
        answer = await client.post(NULL, json={"prompt": "a fox"}, headers=headers)
        job = await world.store.get_job(answer.json()["job_id"])
        assert job is not None
        assert job.priority == kept


@pytest.mark.parametrize("priority", ["11", "-11", "1.5", "high", "", "+1", "１"])
async def test_a_priority_that_is_none_is_refused_by_name(
    client: httpx2.AsyncClient, priority: str
) -> None:
    headers = [(b"x-ringback-priority", priority.encode())]
    answer = await client.post(NULL, json={"prompt": "a fox"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "header:X-Ringback-Priority"
