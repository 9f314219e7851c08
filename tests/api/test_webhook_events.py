"""``X-Webhook-Events`` selects the events for the URL of a submission."""

from __future__ import annotations

import json

import httpx2
import pytest

from ringback.jobs.transitions import JobEvent
from tests.world import NULL, WEBHOOK_URL, World


async def submit(client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(NULL, json={"prompt": "a fox"}, headers=named)


async def test_a_submission_says_which_events_its_url_is_told(
    world: World, client: httpx2.AsyncClient
) -> None:
    answer = await submit(
        client, x_webhook_url=WEBHOOK_URL, x_webhook_events="job.progress, job.started,job.failed"
    )
    assert answer.status_code == 200
    job = await world.store.get_job(answer.json()["job_id"])
    assert job is not None
    assert job.webhook_events == ("job.failed", "job.started", "job.progress")
    await world.complete()
    deliveries = await world.store.deliveries_of(job.job_id)
    assert [(one.event, one.status.value) for one in deliveries] == [("job.started", "cancelled")]


async def test_without_the_header_it_gets_the_three_terminal_events(
    world: World, client: httpx2.AsyncClient
) -> None:
    answer = await submit(client, x_webhook_url=WEBHOOK_URL)
    await world.complete()
    deliveries = await world.store.deliveries_of(answer.json()["job_id"])
    assert [one.event for one in deliveries] == ["job.completed"]


@pytest.mark.parametrize("value", ["", ",", "job.done", "job.completed,", "*", "endpoint.test"])
async def test_an_unknown_event_is_refused_with_the_names_there_are(
    client: httpx2.AsyncClient, value: str
) -> None:
    answer = await submit(client, x_webhook_url=WEBHOOK_URL, x_webhook_events=value)
    assert answer.status_code == 400
    document = answer.json()
    assert document["details"][0]["path"] == "header:X-Webhook-Events"
    for name in ("completed", "failed", "cancelled", "backlogged", "started", "progress"):
        assert f"job.{name}" in document["error"]


async def test_events_without_a_url_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await submit(client, x_webhook_events="job.completed")
    assert answer.status_code == 400
    assert "X-Webhook-URL" in answer.json()["error"]


async def test_the_body_of_progress_has_one_member_more(
    world: World, client: httpx2.AsyncClient
) -> None:
    await submit(client, x_webhook_url=WEBHOOK_URL, x_webhook_events="job.started,job.progress")
    job = await world.claim()
    await world.service.report(job, JobEvent.SAMPLE, lease_s=15, progress=0.25)
    started, progress = await world.store.deliveries_of(job.job_id)
    five = ["job_id", "status", "created_at", "completed_at", "result"]
    assert list(json.loads(started.body)) == five
    body = json.loads(progress.body)
    assert list(body) == [*five, "progress"]
    assert (body["status"], body["progress"], body["result"]) == ("sampling", 0.25, None)
