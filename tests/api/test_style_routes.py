"""Styles over HTTP: the rights of members to see, change, share and use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from ringback.jobs.budget import Budget, Period
from tests import media_files as files
from tests.api.style_world import INK, TRAIN, a_member, ids_in, trained
from tests.world import BASE_URL, FLUX, World, a_world

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[World]:
    """A server with stored tokens, as in production."""
    async with a_world(tmp_path, profile="serve", charge_drawings=True) as world:
        yield world


@pytest.fixture
async def anna(served: World) -> httpx2.AsyncClient:
    return await a_member(served, "studio", "anna")


@pytest.fixture
async def ben(served: World) -> httpx2.AsyncClient:
    """Another member of Anna's workspace."""
    return await a_member(served, "studio", "ben")


@pytest.fixture
async def rita(served: World) -> httpx2.AsyncClient:
    """A member of another workspace."""
    return await a_member(served, "rival", "rita")


def drawn_in(*names: str) -> dict[str, object]:
    return {"prompt": "a fox", "styles": [{"id": name, "strength": 0.8} for name in names]}


async def test_a_node_app_uses_no_style_that_its_caller_may_not(
    served: World, anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    named = {"id": {"from": "input.style"}, "strength": 1}
    step = {"prompt": "a fox", "width": 512, "height": 512, "styles": [named]}
    app = {
        "name": "Foxes",
        "inputs": {"style": {"type": "string", "required": True}},
        "steps": {"fox": {"model": FLUX.removeprefix("/generate/"), "input": step}},
        "outputs": {"fox": {"from": "fox.url"}},
    }
    for member, status in ((anna, 200), (rita, 400)):
        assert (await member.post("/node-apps", json=app)).status_code == 200
        answer = await member.post("/node-apps/foxes/execute", json={"style": style_id})
        assert answer.status_code == status, answer.text
    assert answer.json()["details"][0]["path"] == "/steps/fox/input/styles/0/id"
    assert (await rita.get("/jobs")).json()["items"] == []


async def test_a_style_is_shown_as_the_contract_has_it(
    served: World, anna: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna, trigger_word="inky", model="wan")
    document = (await anna.get(f"/styles/{style_id}")).json()
    (url,) = document["urls"]
    assert url.startswith(f"{BASE_URL}/artifacts/")
    assert (await anna.get(url.removeprefix(BASE_URL))).content == b"picture"
    assert UUID(document["owner"].pop("id"))
    assert document == {
        "id": style_id,
        "title": "Ink",
        "urls": [url],
        "public": False,
        "cover_url": url,
        "prompt": "inky",
        "models": ["wan"],
        "owner": {"name": "studio", "avatar_url": None},
        "like_count": 0,
        "created_at": "2027-01-15T08:00:00.000Z",
    }
    assert (await anna.get("/styles")).json()["items"] == [
        (await anna.get(f"/styles/{style_id}")).json()
    ]


async def test_a_new_style_is_its_owners_alone(
    served: World, anna: httpx2.AsyncClient, ben: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    assert (await anna.post(FLUX, json=drawn_in(style_id))).status_code == 200
    for other in (ben, rita):
        assert ids_in(await other.get("/styles")) == []
        for method, path in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("PUT", "/like"),
            ("DELETE", "/like"),
            ("GET", "/share/link"),
            ("DELETE", "/share/link"),
            ("POST", "/share/workspace"),
            ("DELETE", "/share/workspace"),
        ):
            answer = await other.request(
                method,
                f"/styles/{style_id}{path}",
                json={"title": "x"} if method == "PATCH" else None,
            )
            missing = await other.request(
                method,
                f"/styles/{UNKNOWN}{path}",
                json={"title": "x"} if method == "PATCH" else None,
            )
            assert answer.status_code == 404
            assert answer.content == missing.content


async def test_using_anothers_style_is_refused_as_one_that_is_not_there(
    served: World, anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    theirs = await rita.post(FLUX, json=drawn_in(style_id))
    missing = await rita.post(FLUX, json=drawn_in(UNKNOWN))
    assert theirs.status_code == 400
    assert theirs.content == missing.content
    assert theirs.json()["details"][0]["path"] == "/styles/0/id"
    old_name = {"prompt": "a fox", "presetStyles": [{"id": style_id, "strength": 1}]}
    assert (await rita.post(FLUX, json=old_name)).status_code == 400


async def test_a_workspace_uses_styles_shared_with_it_and_other_workspaces_never(
    served: World, anna: httpx2.AsyncClient, ben: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    path = f"/styles/{style_id}/share/workspace"
    shared = await anna.post(path)
    assert shared.json() == {
        "success": True,
        "style_id": style_id,
        "workspace": {"id": "studio", "name": "studio", "is_default": True},
    }
    assert ids_in(await ben.get("/styles?filter=shared")) == [style_id]
    assert (await ben.post(FLUX, json=drawn_in(style_id))).status_code == 200
    assert (await ben.post(path)).status_code == 403
    assert (await ben.delete(path)).status_code == 403
    assert (await ben.patch(f"/styles/{style_id}", json={"title": "x"})).status_code == 404
    assert (await rita.get(f"/styles/{style_id}")).status_code == 404
    assert ids_in(await rita.get("/styles")) == []
    assert (await anna.delete(path)).json() == {"success": True}
    assert (await anna.delete(path)).status_code == 404
    assert (await ben.get(f"/styles/{style_id}")).status_code == 404
    assert (await ben.post(FLUX, json=drawn_in(style_id))).status_code == 400


async def test_a_link_opens_a_style_by_another_name_until_it_is_closed(
    served: World, anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    first = await anna.get(f"/styles/{style_id}/share/link")
    again = await anna.get(f"/styles/{style_id}/share/link")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["is_new"]
    assert again.json() == {**first.json(), "is_new": False}
    path = first.json()["share_link"].removeprefix(BASE_URL)
    name = path.removeprefix("/styles/")
    opened = await rita.get(path)
    assert opened.json()["id"] == name
    assert opened.json()["owner"]["name"] == "another workspace"
    assert style_id not in opened.text
    assert "studio" not in opened.text
    assert (await rita.post(FLUX, json=drawn_in(name))).status_code == 200
    assert (await rita.post(FLUX, json=drawn_in(style_id))).status_code == 400
    assert (await rita.patch(path, json={"title": "x"})).status_code == 404
    assert (await rita.delete(path)).status_code == 404
    assert (await rita.get(f"{path}/share/link")).status_code == 404
    async with served.client(token=None) as stranger:
        assert (await stranger.get(path)).status_code == 401
    assert (await anna.delete(f"/styles/{style_id}/share/link")).json() == {"success": True}
    assert (await rita.get(path)).status_code == 404
    assert (await rita.post(FLUX, json=drawn_in(name))).status_code == 400


async def test_a_public_style_is_everybodys_to_use_and_its_owners_to_change(
    served: World, anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    assert (await anna.patch(f"/styles/{style_id}", json={"public": True})).json()["public"]
    for name in ("all", "public", "community", "gallery"):
        assert ids_in(await rita.get(f"/styles?filter={name}")) == [style_id]
    for name in ("user", "shared", "krea", "unapproved", "editor"):
        assert ids_in(await rita.get(f"/styles?filter={name}")) == []
    shown = await rita.get(f"/styles/{style_id}")
    assert "studio" not in shown.text
    assert (await rita.patch(f"/styles/{style_id}", json={"public": False})).status_code == 404
    assert (await rita.post(f"/styles/{style_id}/share/workspace")).status_code == 403
    assert (await anna.patch(f"/styles/{style_id}", json={"public": None})).json()["public"]
    await anna.patch(f"/styles/{style_id}", json={"public": False})
    assert (await rita.get(f"/styles/{style_id}")).status_code == 404


async def test_the_styles_of_a_revoked_token_are_its_workspaces(
    served: World, anna: httpx2.AsyncClient, ben: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    await served.store.revoke_token("anna", now_ms=2)
    assert (await ben.patch(f"/styles/{style_id}", json={"title": "Left"})).status_code == 200
    assert ids_in(await ben.get("/styles?filter=user")) == [style_id]
    assert (await rita.get(f"/styles/{style_id}")).status_code == 404


async def test_likes_are_counted_once_each_and_searched(
    served: World, anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    liked, other = await trained(served, anna), await trained(served, anna)
    for style_id in (liked, other):
        await anna.patch(f"/styles/{style_id}", json={"public": True})
    for member in (anna, anna, rita):
        counted = await member.put(f"/styles/{liked}/like")
    assert counted.json()["like_count"] == 2
    assert ids_in(await rita.get("/styles?liked=true")) == [liked]
    assert (await rita.delete(f"/styles/{liked}/like")).json()["like_count"] == 1
    assert ids_in(await rita.get("/styles?liked=true")) == []


async def test_a_search_is_narrowed_and_paged(served: World, anna: httpx2.AsyncClient) -> None:
    made = [await trained(served, anna, model=model) for model in ("wan", "flux_dev", "wan")]
    owner = (await anna.get(f"/styles/{made[0]}")).json()["owner"]["id"]
    assert ids_in(await anna.get("/styles?model=wan")) == [made[2], made[0]]
    assert ids_in(await anna.get(f"/styles?ids={made[1]},{UNKNOWN}")) == [made[1]]
    assert len(ids_in(await anna.get(f"/styles?user={owner}"))) == 3
    assert ids_in(await anna.get(f"/styles?user={UNKNOWN}")) == []
    first = await anna.get("/styles?limit=2")
    rest = await anna.get("/styles", params={"cursor": first.json()["next_cursor"]})
    assert ids_in(first) + ids_in(rest) == made[::-1]
    assert rest.json()["next_cursor"] is None


@pytest.mark.parametrize(
    "query", ["filter=mine", "liked=yes", "limit=0", "cursor=here", "ids=" + "x" * 81]
)
async def test_a_search_that_is_wrong_names_its_parameter(
    anna: httpx2.AsyncClient, query: str
) -> None:
    answer = await anna.get(f"/styles?{query}")
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == f"query:{query.partition('=')[0]}"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"prompt": "x"}, "/prompt"),
        ({"title": " "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"public": "yes"}, "/public"),
        ({"urls": ["ftp://x.example/a.png"]}, "/urls/0"),
        ({"urls": "https://x.example"}, "/urls"),
        ({"cover_url": "data:image/png;base64,AAAA"}, "/cover_url"),
        ({"cover_url": None}, "/cover_url"),
    ],
)
async def test_a_change_that_is_wrong_names_its_field_and_changes_nothing(
    served: World, anna: httpx2.AsyncClient, body: dict[str, object], path: str
) -> None:
    style_id = await trained(served, anna)
    before = (await anna.get(f"/styles/{style_id}")).json()
    answer = await anna.patch(f"/styles/{style_id}", json=body)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == path
    assert (await anna.get(f"/styles/{style_id}")).json() == before


async def test_its_owner_changes_a_styles_title_and_pictures(
    served: World, anna: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    changes = {"title": "Wash", "urls": [], "cover_url": "https://x.example/c.png"}
    assert (await anna.patch(f"/styles/{style_id}", json=changes)).json().items() >= changes.items()


async def test_a_deleted_style_is_gone_with_its_files(
    served: World, anna: httpx2.AsyncClient
) -> None:
    style_id = await trained(served, anna)
    style = await served.store.find_style(style_id)
    assert style is not None
    assert (await anna.delete(f"/styles/{style_id}")).json()["success"]
    assert (await anna.get(f"/styles/{style_id}")).status_code == 404
    for artifact in (style.artifact, *style.previews):
        assert await served.artifacts.find(artifact) is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": None}, "/name"),
        ({"urls": []}, "/urls"),
        ({"urls": ["file:///etc/passwd"]}, "/urls/0"),
        ({"urls": ["https://x.example/a.png"] * 101}, "/urls"),
        ({"urls": ["http://169.254.169.254/latest"]}, "/urls/0"),
        ({"model": "sdxl"}, "/model"),
        ({"model": ["wan"]}, "/model"),
        ({"model": "qwen", "type": "Default"}, "/type"),
        ({"max_train_steps": 2001}, "/max_train_steps"),
        ({"steps": 5}, "/steps"),
    ],
)
async def test_a_training_that_is_wrong_names_its_field(
    anna: httpx2.AsyncClient, changes: dict[str, object], path: str
) -> None:
    answer = await anna.post(TRAIN, json={**INK, **changes})
    assert answer.status_code == 400, answer.text
    assert answer.json()["details"][0]["path"] == path


async def test_another_workspaces_asset_trains_nothing(
    anna: httpx2.AsyncClient, rita: httpx2.AsyncClient
) -> None:
    upload = await rita.post("/assets", files={"file": ("ink.png", files.png())})
    asset = upload.json()["image_url"]
    refused = await anna.post(TRAIN, json={**INK, "urls": [asset]})
    assert refused.status_code == 400
    assert refused.json()["details"][0]["path"] == "/urls/0"
    assert (await rita.post(TRAIN, json={**INK, "urls": [asset]})).status_code == 200


async def test_a_training_is_a_job_like_any_other(served: World, anna: httpx2.AsyncClient) -> None:
    headers = {"idempotency-key": "ink", "x-webhook-url": "https://shop.example/webhook"}
    first = await anna.post(TRAIN, json=INK, headers=headers)
    again = await anna.post(TRAIN, json=INK, headers=headers)
    other = await anna.post(TRAIN, json={**INK, "name": "Wash"}, headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 409
    assert first.json()["completed_at"] is None
    assert first.json()["result"] is None
    assert first.headers["location"] == f"/jobs/{first.json()['job_id']}"
    job = await served.store.get_job(first.json()["job_id"])
    assert job is not None
    assert (job.kind, job.type, job.model) == ("style", "training", "styles/flux_dev")
    assert (job.token_id, job.webhook_url) == ("anna", headers["x-webhook-url"])
    assert [
        item["job_id"] for item in (await anna.get("/jobs?types=training")).json()["items"]
    ] == [job.job_id]
    assert (await anna.get(TRAIN)).status_code == 405


async def test_trainings_are_no_models_of_generate(anna: httpx2.AsyncClient) -> None:
    answer = await anna.post("/generate/style/styles/flux_dev", json=INK)
    assert answer.status_code == 404
    models = (await anna.get("/models")).json()["models"]
    assert {model["kind"] for model in models}.isdisjoint({"style"})


async def test_a_training_is_paid_by_the_submitting_token_and_refused_when_its_budget_is_spent(
    served: World, anna: httpx2.AsyncClient, ben: httpx2.AsyncClient
) -> None:
    await trained(served, anna, max_train_steps=10)
    budget = Budget(workspace_id="studio", token_id="anna", compute_units=30, period=Period.MONTH)
    assert await served.store.put_budget(budget, now_ms=served.clock.now_ms())
    refused = await anna.post(TRAIN, json=INK)
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_spent")
    assert (await ben.post(TRAIN, json=INK)).status_code == 200
