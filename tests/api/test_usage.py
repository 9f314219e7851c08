"""A workspace's usage over HTTP, and refusals when its budget is spent."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx2
import pytest

from ringback.jobs.budget import Budget, Period
from ringback.storage.contract import Token
from tests.world import FLUX, NULL, World, a_world

TODAY = "2027-01-15"  # where the clock of the tests stands
TOKEN_ID = hashlib.sha256(b"studio").hexdigest()[:12]


async def spend(world: World, *, times: int = 1) -> None:
    for _ in range(times):
        await world.submit(path=FLUX)
        await world.complete()


async def test_usage_is_split_by_the_requested_group(
    world: World, client: httpx2.AsyncClient
) -> None:
    await spend(world, times=2)
    await world.submit(path=NULL)
    await world.complete()
    await world.submit(path=FLUX)  # not completed, so it costs nothing yet
    world.clock.advance(86_400)
    await spend(world)
    found = (await client.get("/usage")).json()
    assert found == {
        "from": "2027-01-01",
        "to": "2027-01-16",
        "group": ["day"],
        "items": [
            {"day": TODAY, "jobs": 3, "compute_units": 6.0},
            {"day": "2027-01-16", "jobs": 1, "compute_units": 3.0},
        ],
        "total": {"jobs": 4, "compute_units": 9.0},
        "budgets": [],
    }
    by_model = await client.get("/usage", params={"group": "token, model", "to": TODAY})
    assert by_model.json()["items"] == [
        {"model": "image/bfl/flux-1-dev", "token_id": TOKEN_ID, "jobs": 2, "compute_units": 6.0},
        {"model": "image/ringback/null", "token_id": TOKEN_ID, "jobs": 1, "compute_units": 0.0},
    ]
    none = await client.get("/usage", params={"from": "2026-01-01", "to": "2026-12-31"})
    assert (none.json()["items"], none.json()["total"]["jobs"]) == ([], 0)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"from": "yesterday"}, "from must be a day like"),
        ({"to": "2026-02-30"}, "to must be a day like"),
        ({"from": "2026-1-1"}, "from must be a day like"),
        ({"group": "day,colour"}, "group must be some of day, model, token"),
        ({"from": "2027-02-01", "to": "2027-01-01"}, "begin with the earlier day"),
        ({"from": "2025-01-01", "to": "2027-01-01"}, "more than 366 days"),
        ({"from": "0001-01-01", "to": "9999-12-31"}, "more than 366 days"),
    ],
)
async def test_a_wrong_question_is_refused_in_words(
    client: httpx2.AsyncClient, query: dict[str, str], says: str
) -> None:
    refused = await client.get("/usage", params=query)
    assert refused.status_code == 400
    assert says in refused.json()["error"]


async def test_another_workspaces_usage_is_not_told(world: World) -> None:
    await spend(world)
    async with world.client("rival") as rival, world.client(token=None) as stranger:
        found = (await rival.get("/usage", params={"group": "day,model,token"})).json()
        assert (found["items"], found["total"]["jobs"]) == ([], 0)
        assert (await stranger.get("/usage")).status_code == 401


async def test_a_spent_budget_is_402_with_error_and_message(
    world: World, client: httpx2.AsyncClient
) -> None:
    await spend(world)
    budget = Budget(workspace_id="studio", compute_units=5, period=Period.MONTH)
    assert await world.store.put_budget(budget, now_ms=world.clock.now_ms())
    in_flight = await world.submit(path=FLUX)
    await world.complete()
    refused = await client.post(FLUX, json={"prompt": "a fox"})
    assert refused.status_code == 402
    sentence = (
        "This workspace's budget of 5 compute units a month is spent; "
        "ask the operator for more or wait for the next month (UTC)."
    )
    assert refused.json() == {"error": sentence, "message": sentence, "code": "budget_spent"}
    job = (await client.get(f"/jobs/{in_flight['job_id']}")).json()
    assert job["status"] == "completed"
    assert (await client.get("/usage")).json()["budgets"] == [
        {"token_id": None, "period": "month", "compute_units": 5, "spent": 6.0, "left": 0.0}
    ]
    assert (await client.post(NULL, json={"prompt": "a fox"})).status_code == 200
    async with world.client("rival") as rival:
        assert (await rival.post(FLUX, json={"prompt": "a fox"})).status_code == 200
    world.clock.advance(17 * 86_400)
    assert (await client.post(FLUX, json={"prompt": "a fox"})).status_code == 200


async def test_the_token_that_asks_pays(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve", charge_drawings=True) as world:
        await world.keys.open_workspace("studio")
        for name in ("one", "two"):
            await world.store.add_token(
                Token(
                    token_id=f"id-{name}",
                    workspace_id="studio",
                    digest=hashlib.sha256(name.encode()).hexdigest(),
                    hint=name,
                    created_at_ms=1,
                )
            )
        budget = Budget(workspace_id="studio", compute_units=3, token_id="id-one")
        assert await world.store.put_budget(budget, now_ms=world.clock.now_ms())
        await world.submit(token="one", path=FLUX)
        await world.complete()
        async with world.client("one") as one, world.client("two") as two:
            refused = await one.post(FLUX, json={"prompt": "a fox"})
            assert refused.status_code == 402
            assert refused.json()["error"].startswith("This token's budget of 3")
            assert (await two.post(FLUX, json={"prompt": "a fox"})).status_code == 200
            found = (await two.get("/usage", params={"group": "token"})).json()
        assert [item["token_id"] for item in found["items"]] == ["id-one"]
        assert found["budgets"][0]["token_id"] == "id-one"


async def test_a_job_costs_its_variant(world: World, client: httpx2.AsyncClient) -> None:
    body = {"prompt": "a fox", "resolution": "4K"}
    await client.post("/generate/image/google/nano-banana-pro", json=body)
    await world.complete()
    assert (await client.get("/usage")).json()["total"]["compute_units"] == 120
