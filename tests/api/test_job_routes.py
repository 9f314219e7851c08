from __future__ import annotations

import asyncio

import httpx2

from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent
from tests.world import BASE_URL, WEBHOOK_URL, World


async def test_a_pending_job_leaves_unknown_members_out(
    world: World, client: httpx2.AsyncClient
) -> None:
    job_id = (await world.submit())["job_id"]
    document = (await client.get(f"/jobs/{job_id}")).json()
    assert document["status"] == "queued"
    assert document["progress"] == 0
    assert "completed_at" not in document
    assert "result" not in document


async def test_a_preview_is_shown_before_the_end(world: World, client: httpx2.AsyncClient) -> None:
    await world.submit()
    job = await world.claim()
    preview = f"{BASE_URL}/artifacts/preview.png"
    await world.service.report(job, JobEvent.PREVIEW, lease_s=15, progress=0.5, urls=(preview,))
    document = (await client.get(f"/jobs/{job.job_id}")).json()
    assert document["status"] == "intermediate-complete"
    assert document["progress"] == 0.5
    assert document["result"] == {"urls": [preview]}
    assert "completed_at" not in document


async def test_a_completed_job_has_an_end_and_urls(
    world: World, client: httpx2.AsyncClient
) -> None:
    await world.submit()
    job = await world.complete()
    document = (await client.get(f"/jobs/{job.job_id.upper()}")).json()
    assert document["status"] == "completed"
    assert document["completed_at"].endswith("Z")
    assert document["result"]["urls"]
    assert "progress" not in document


async def test_a_failed_job_says_why(world: World, client: httpx2.AsyncClient) -> None:
    await world.submit()
    job = await world.service.fail(await world.claim(), error="The brush broke.")
    document = (await client.get(f"/jobs/{job.job_id}")).json()
    assert document["status"] == "failed"
    assert document["result"] == {"error": "The brush broke."}


async def test_another_workspaces_job_is_unknown_in_every_route(
    world: World, rival: httpx2.AsyncClient
) -> None:
    job_id = (await world.submit())["job_id"]
    unknown = "01890a5d-ac96-774b-bcce-b302099a8057"
    for method in ("GET", "DELETE"):
        theirs = await rival.request(method, f"/jobs/{job_id}")
        nobodys = await rival.request(method, f"/jobs/{unknown}")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() == nobodys.json()
    assert (await rival.get("/jobs")).json() == {"items": [], "next_cursor": None}
    job = await world.store.get_job(job_id)
    assert job is not None
    assert job.status == "queued"


async def test_a_pending_job_can_be_cancelled_once_and_its_webhook_is_owed_once(
    world: World, client: httpx2.AsyncClient
) -> None:
    job_id = (await world.submit(headers={"x-webhook-url": WEBHOOK_URL}))["job_id"]
    for _ in range(2):
        answer = await client.delete(f"/jobs/{job_id}")
        assert (answer.status_code, answer.json()) == (200, {})
    document = (await client.get(f"/jobs/{job_id}")).json()
    assert document["status"] == "cancelled"
    assert document["result"]["error"]
    assert len(await world.store.deliveries_of(job_id)) == 1


async def test_cancelling_a_completed_job_changes_nothing(
    world: World, client: httpx2.AsyncClient
) -> None:
    await world.submit()
    job = await world.complete()
    before = (await client.get(f"/jobs/{job.job_id}")).content
    assert (await client.delete(f"/jobs/{job.job_id}")).status_code == 200
    assert (await client.get(f"/jobs/{job.job_id}")).content == before


async def test_a_reader_may_wait_for_the_end(world: World, client: httpx2.AsyncClient) -> None:
    job_id = (await world.submit())["job_id"]
    job = await world.claim()
    by_query = asyncio.create_task(client.get(f"/jobs/{job_id}?wait=60"))
    by_header = asyncio.create_task(
        client.get(f"/jobs/{job_id}", headers={"prefer": "respond-async, wait=7"})
    )
    await world.service.finish(job, result=JobResult(urls=(f"{BASE_URL}/artifacts/a.png",)))
    assert (await by_query).json()["status"] == "completed"
    assert (await by_header).json()["status"] == "completed"
    assert (await by_header).headers["preference-applied"] == "wait=7"
    assert "preference-applied" not in (await by_query).headers


async def test_a_wait_that_is_no_number_is_refused(
    world: World, client: httpx2.AsyncClient
) -> None:
    job_id = (await world.submit())["job_id"]
    for wait in ("soon", "-1", "1.5", ""):
        answer = await client.get(f"/jobs/{job_id}", params={"wait": wait})
        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == "query:wait"
    assert (await client.get(f"/jobs/{job_id}?wait=0")).status_code == 200


async def test_nobody_waits_on_a_draining_server(world: World, client: httpx2.AsyncClient) -> None:
    job_id = (await world.submit())["job_id"]
    polling = asyncio.create_task(client.get(f"/jobs/{job_id}?wait=60"))
    world.service.drain()
    assert (await polling).json()["status"] == "queued"


async def test_jobs_are_listed_newest_first_by_type_and_status(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = [(await world.submit())["job_id"] for _ in range(3)]
    ended = (await world.complete()).job_id
    assert ended == made[0]

    async def listed(query: str) -> list[str]:
        return [item["job_id"] for item in (await client.get(f"/jobs?{query}")).json()["items"]]

    assert await listed("") == made[::-1]
    assert await listed("status=completed") == [made[0]]
    assert await listed("status=queued&limit=1") == [made[2]]
    kind = (await client.get(f"/jobs/{ended}")).json()["type"]
    assert await listed(f"types=flux,%20{kind}") == made[::-1]
    assert await listed("types=nothing-like-it") == []
    assert await listed("something=else") == made[::-1]
