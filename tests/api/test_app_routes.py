"""Node apps over HTTP: pushes, lists, executions and refusals."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import httpx2
import pytest

from ringback.jobs.budget import Budget
from ringback.jobs.model import Job, JobResult
from ringback.jobs.store import JobFilter
from ringback.service import GenerationRequest
from tests.api.test_krea_compat import CONTRACT, Description, Descriptions
from tests.docs.pages import blocks
from tests.media_files import png
from tests.world import BASE_URL, WEBHOOK_URL, World

FLUX = "image/bfl/flux-1-dev"
EVERY = JobFilter(workspace_id="studio", limit=9)
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def an_app(**changes: Any) -> dict[str, Any]:
    app: dict[str, Any] = json.loads(blocks("docs/node-apps.md", "json")[0])
    return {**app, **changes}


def a_step(**given: Any) -> dict[str, Any]:
    return {"model": FLUX, "input": {"prompt": "a fox", **given}}


async def push(client: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/node-apps", json=an_app(**changes))
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def execute(
    client: httpx2.AsyncClient, app: str = "portrait", **inputs: Any
) -> httpx2.Response:
    return await client.post(f"/node-apps/{app}/execute", json={"subject": "a fox", **inputs})


async def descriptions_of(client: httpx2.AsyncClient) -> Descriptions:
    return Descriptions(Description((await client.get("/openapi.json")).json()), CONTRACT)


async def test_every_answer_fits_our_description_and_the_contracts(
    world: World, client: httpx2.AsyncClient
) -> None:
    descriptions = await descriptions_of(client)
    version = (await push(client))["version_id"]
    answers = [
        await client.post("/node-apps", json=an_app()),
        await client.get("/node-apps"),
        await client.get(f"/node-apps/{version}"),
        await client.get(f"/node-apps/{UNKNOWN}"),
        await client.post(f"/node-apps/{UNKNOWN}/execute", json={}),
        await client.post(f"/node-apps/{version}/execute", json={}),
        await client.post("/node-apps", json={}),
        run := await execute(client, version),
        await client.post(
            f"/node-apps/{version}/execute", json={"subject": "x"}, headers={"prefer": "wait=0"}
        ),
    ]
    for answer in answers:
        descriptions.check(answer)
    job = await world.claim()
    await world.service.submit_step(job, a_step_request(), step="portrait")
    descriptions.check(await client.get(f"/jobs/{run.json()[0]['job_id']}"))
    descriptions.check(await client.get("/jobs"))
    outputs = {"portrait": f"{BASE_URL}/artifacts/a.png"}
    await world.service.finish(job, result=JobResult(urls=(outputs["portrait"],), outputs=outputs))
    ended = await client.get(f"/jobs/{run.json()[0]['job_id']}")
    descriptions.check(ended)
    assert ended.json()["result"] == {"outputs": outputs, "urls": [outputs["portrait"]]}
    assert [answer.status_code for answer in answers] == [
        200,
        200,
        200,
        404,
        404,
        400,
        400,
        200,
        200,
    ]


async def test_a_version_is_shown_with_the_schemas_of_its_inputs_and_outputs(
    client: httpx2.AsyncClient,
) -> None:
    pushed = await push(client)
    shown = (await client.get(f"/node-apps/{pushed['version_id']}")).json()
    assert shown == pushed == (await client.get("/node-apps/portrait")).json()
    assert shown["slug"] == "portrait"
    assert shown["definition"] == an_app()
    taken = shown["input_openapi_schema"]
    assert taken["required"] == ["subject"]
    assert taken["properties"]["width"]["maximum"] == 1024
    assert shown["output_openapi_schema"]["required"] == ["portrait", "dusk"]
    assert shown["output_key_mapping"] == {"portrait-url": "portrait", "dusk-url": "dusk"}


async def test_versions_stay_as_they_were_and_tell_of_the_latest(
    client: httpx2.AsyncClient,
) -> None:
    first = await push(client)
    assert await push(client) == first
    second = await push(client, description="Another.")
    assert (second["id"], second["version"]) == (first["id"], 2)
    again = (await client.get(f"/node-apps/{first['version_id']}")).json()
    assert again["description"] == first["description"]
    assert again["last_version_id"] == second["version_id"]
    listed = (await client.get("/node-apps")).json()
    assert [app["version_id"] for app in listed["items"]] == [second["version_id"]]


async def test_apps_are_listed_page_by_page(client: httpx2.AsyncClient) -> None:
    pushed = [(await push(client, slug=f"app-{n}"))["version_id"] for n in range(3)]
    page = (await client.get("/node-apps?limit=2")).json()
    rest = (await client.get(f"/node-apps?limit=2&cursor={page['next_cursor']}")).json()
    shown = [app["version_id"] for app in (*page["items"], *rest["items"])]
    assert shown == pushed[::-1]
    assert rest["next_cursor"] is None


async def test_an_execution_answers_with_a_list_of_one_run(
    world: World, client: httpx2.AsyncClient
) -> None:
    pushed = await push(client)
    answer = await client.post(
        f"/node-apps/{pushed['version_id']}/execute",
        json={"subject": "a fox"},
        headers={"x-webhook-url": WEBHOOK_URL, "x-ringback-priority": "3"},
    )
    (run,) = answer.json()
    assert (run["status"], run["type"], run["engine"]) == ("queued", "nodeApp", "apps")
    assert answer.headers["location"] == f"/jobs/{run['job_id']}"
    job = await world.service.get(run["job_id"], workspace_id="studio")
    assert (job.webhook_url, job.priority) == (WEBHOOK_URL, 3)
    assert job.input == {"subject": "a fox", "width": 512}
    shown = (await client.get(f"/jobs/{run['job_id']}")).json()
    assert [(step["step"], step["job_id"]) for step in shown["steps"]] == [
        ("portrait", None),
        ("dusk", None),
    ]


def a_step_request() -> GenerationRequest:
    return GenerationRequest(
        workspace_id="studio",
        kind="image",
        model="bfl/flux-1-dev",
        type="flux",
        engine="sketch",
        input={"prompt": "a fox"},
        base_url=BASE_URL,
        compute_units=3.0,
    )


async def begun(world: World, client: httpx2.AsyncClient) -> tuple[str, Job]:
    """Return the id of a run that has begun, and the job of its first step."""
    await push(client)
    (run,) = (await execute(client)).json()
    job = await world.claim()
    step = await world.service.submit_step(job, a_step_request(), step="portrait")
    assert step is not None
    return run["job_id"], step


async def test_a_run_shows_its_steps_and_a_step_its_run(
    world: World, client: httpx2.AsyncClient
) -> None:
    run_id, step = await begun(world, client)
    shown = (await client.get(f"/jobs/{run_id}")).json()
    assert shown["steps"][0] == {
        "step": "portrait",
        "kind": "image",
        "model": "bfl/flux-1-dev",
        "job_id": step.job_id,
        "status": "queued",
        "progress": 0.0,
    }
    assert (shown["steps"][1]["job_id"], shown["steps"][1]["status"]) == (None, None)
    of_step = (await client.get(f"/jobs/{step.job_id}")).json()
    assert of_step["run"] == {"job_id": run_id, "step": "portrait"}
    assert "steps" not in of_step


async def test_cancelling_a_run_cancels_the_steps_that_have_begun(
    world: World, client: httpx2.AsyncClient
) -> None:
    run_id, step = await begun(world, client)
    assert (await client.delete(f"/jobs/{run_id}")).status_code == 200
    assert (await client.get(f"/jobs/{step.job_id}")).json()["status"] == "cancelled"


async def test_a_spent_budget_refuses_runs_with_a_cost_and_only_steps_are_paid(
    world: World, client: httpx2.AsyncClient
) -> None:
    descriptions = await descriptions_of(client)
    _, step = await begun(world, client)
    (run,) = [job for job in await world.store.list_jobs(EVERY) if job.kind == "app"]
    budget = Budget(workspace_id="studio", compute_units=1.0)
    assert await world.store.put_budget(budget, now_ms=world.clock.now_ms())
    claimed = await world.service.claim(engine="sketch", limit=1, worker_id="w", lease_s=15)
    assert [job.job_id for job in claimed] == [step.job_id]
    await world.service.finish(claimed[0], result=JobResult())
    refused = await execute(client)
    descriptions.check(refused)
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_spent")
    assert await world.service.submit_step(run, a_step_request(), step="dusk") is not None
    held = await world.service.look_up(run.job_id)
    await world.service.finish(held, result=JobResult())
    usage = (await client.get("/usage?group=model")).json()["items"]
    assert [(one["model"], one["compute_units"]) for one in usage] == [(FLUX, 3.0)]


async def test_one_key_makes_one_run(client: httpx2.AsyncClient) -> None:
    await push(client)
    headers = {"idempotency-key": "order-7"}
    url = "/node-apps/portrait/execute"
    first = await client.post(url, json={"subject": "a fox"}, headers=headers)
    again = await client.post(url, json={"subject": "a fox"}, headers=headers)
    other = await client.post(url, json={"subject": "a bear"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 409


async def test_another_workspaces_app_is_not_there(world: World) -> None:
    async with world.client("studio") as ours, world.client("rival") as theirs:
        pushed = await push(ours)
        version = pushed["version_id"]
        (run,) = (await execute(ours)).json()
        for answer in (
            await theirs.get(f"/node-apps/{version}"),
            await theirs.get("/node-apps/portrait"),
            await execute(theirs, version),
            await theirs.get(f"/jobs/{run['job_id']}"),
        ):
            assert answer.status_code == 404
        assert (await theirs.get("/node-apps")).json()["items"] == []
        assert (await push(theirs))["id"] != pushed["id"]


async def test_another_workspaces_asset_is_no_step_of_an_app(world: World) -> None:
    app = an_app(
        inputs={"photo": {"type": "string", "required": True}},
        steps={
            "photo": {"asset": {"from": "input.photo"}},
            "after": a_step(image_url={"from": "photo.url"}),
        },
        outputs={"after": {"from": "after.url"}},
    )
    picture = f"data:image/png;base64,{b64encode(png()).decode()}"
    async with world.client("studio") as ours, world.client("rival") as theirs:
        asset = (await theirs.post("/assets", json={"url": picture})).json()
        await ours.post("/node-apps", json=app)
        refused = await ours.post("/node-apps/portrait/execute", json={"photo": asset["id"]})
        assert refused.status_code == 400
        assert refused.json()["details"][0]["path"] == "/steps/photo/asset"
        own = (await ours.post("/assets", json={"url": picture})).json()
        taken = await ours.post("/node-apps/portrait/execute", json={"photo": own["id"]})
        assert taken.status_code == 200
        by_url = an_app(
            inputs={"url": {"type": "string", "required": True}},
            steps={"after": a_step(image_url={"from": "input.url"})},
            outputs={"after": {"from": "after.url"}},
        )
        await ours.post("/node-apps", json=by_url)
        refused = await ours.post("/node-apps/portrait/execute", json={"url": asset["image_url"]})
        assert refused.status_code == 400
        assert refused.json()["details"][0]["path"] == "/steps/after/input/image_url"


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({}, "/subject"),
        ({"subject": 7}, "/subject"),
        ({"subject": "a", "width": 4096}, "/width"),
        ({"subject": "a", "hat": True}, "/hat"),
    ],
)
async def test_inputs_are_checked_by_the_apps_own_schema(
    client: httpx2.AsyncClient, inputs: dict[str, Any], path: str
) -> None:
    await push(client)
    answer = await client.post("/node-apps/portrait/execute", json=inputs)
    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["details"]] == [path]


async def test_inputs_that_a_model_refuses_are_refused_before_there_is_a_run(
    client: httpx2.AsyncClient,
) -> None:
    await push(client, inputs={"subject": {"type": "string"}, "width": {"type": "integer"}})
    answer = await execute(client, width=99_999)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "/steps/portrait/input/width"
    assert (await client.get("/jobs")).json()["items"] == []


async def test_an_app_without_inputs_needs_no_body(client: httpx2.AsyncClient) -> None:
    await push(client, inputs={}, steps={"portrait": a_step(), "dusk": a_step()})
    assert (await client.post("/node-apps/portrait/execute")).status_code == 200


async def test_a_url_that_may_not_be_called_is_refused_at_its_place(
    client: httpx2.AsyncClient,
) -> None:
    bad = a_step(image_url="http://169.254.169.254/latest")
    await push(client, inputs={}, steps={"portrait": bad, "dusk": a_step()})
    answer = await client.post("/node-apps/portrait/execute", json={})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "/steps/portrait/input/image_url"


async def test_a_definition_may_not_be_endless(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/node-apps", json=an_app(description="x" * 300_000))
    assert answer.status_code == 413
