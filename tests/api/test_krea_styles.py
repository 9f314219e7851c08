"""Every answer about styles fits our description and, where it has the route, the contract's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from tests.api.style_world import INK, TRAIN, a_member, trained
from tests.api.test_krea_compat import CONTRACT, Description, Descriptions, needs_contract
from tests.world import WEBHOOK_URL, a_world

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
_MODELS = ("flux_dev", "flux_schnell", "wan", "wan22", "qwen", "z-image")


async def test_the_answers_about_styles_fit(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        anna = await a_member(world, "studio", "anna")
        ben = await a_member(world, "studio", "ben")
        descriptions = Descriptions(Description((await anna.get("/openapi.json")).json()), CONTRACT)
        style_id = await trained(world, anna)
        await trained(world, anna)
        one = f"/styles/{style_id}"
        answers = [
            await anna.post(TRAIN, json=INK, headers={"x-webhook-url": WEBHOOK_URL}),
            await anna.post(TRAIN, json={"name": 7}),
            await anna.get("/styles?limit=1"),
            await anna.get("/styles?filter=mine"),
            await anna.get(one),
            await anna.get(f"/styles/{UNKNOWN}"),
            await anna.patch(one, json={"title": "Wash", "public": True}),
            await anna.patch(one, json={}),
            await ben.patch(one, json={"title": "Mine"}),
            await anna.put(f"{one}/like"),
            await anna.delete(f"{one}/like"),
            await anna.get(f"{one}/share/link"),
            await anna.get(f"{one}/share/link"),
            await ben.get(f"{one}/share/link"),
            await anna.delete(f"{one}/share/link"),
            await anna.post(f"{one}/share/workspace"),
            await ben.post(f"{one}/share/workspace"),
            await ben.delete(f"{one}/share/workspace"),
            await anna.delete(f"{one}/share/workspace"),
            await anna.delete(f"{one}/share/workspace"),
            await anna.delete(one),
            await anna.delete(one),
        ]
        async with world.client(token=None) as stranger:
            paths = ("/styles", one, f"{one}/share/link")
            answers += [await stranger.get(path) for path in paths]
            answers.append(await stranger.post(TRAIN, json=INK))
    assert [answer.status_code for answer in answers] == [
        *(200, 400, 200, 400, 200, 404, 200, 400, 404, 200, 200),
        *(201, 200, 404, 200, 200, 403, 403, 200, 404, 200, 404),
        *(401, 401, 401, 401),
    ]
    for answer in answers:
        descriptions.check(answer)


async def test_the_job_of_a_training_fits_when_it_has_ended(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world, world.client() as client:
        descriptions = Descriptions(
            Description((await client.get("/openapi.json")).json()), CONTRACT
        )
        style_id = await trained(world, client)
        answer = await client.get(f"/jobs/{style_id}")
        descriptions.check(answer)
        assert answer.json()["result"] == {"style_id": style_id}


@needs_contract
@pytest.mark.parametrize("model", _MODELS)
@pytest.mark.parametrize("type_name", ["Style", "Object", "Character", "Default"])
async def test_a_training_is_taken_where_the_contract_takes_it(
    client: httpx2.AsyncClient, model: str, type_name: str
) -> None:
    assert CONTRACT is not None
    operation = CONTRACT.document["paths"][TRAIN]["post"]
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    names = [name for one in schema["oneOf"] for name in one["properties"]["model"]["enum"]]
    assert sorted(names) == sorted(_MODELS)
    body = {
        **INK,
        "model": model,
        "type": type_name,
        "trigger_word": "inky",
        "learning_rate": 2.5,
        "max_train_steps": 2000,
        "batch_size": 5000,
    }
    fits = jsonschema_rs.validator_for(schema).is_valid(body)
    assert (await client.post(TRAIN, json=body)).status_code == (200 if fits else 400)
