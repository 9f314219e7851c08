"""A model with a sunset date says so before, and is gone from that date on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.clock import moment
from tests.world import World

POSTER = "/generate/image/studio/poster"
OLDER = "/generate/image/studio/older"
LATER = "image/studio/poster-2"
FILE = """
provider = "studio"
engine = "null"
type = "studio"

[[models]]
name = "poster"
kind = "image"
title = "Poster"
description = "Ours."
[models.parameters]
prompt = { type = "string", required = true }
[models.aliases]
text = { to = "prompt" }
[models.sunset]
since = 2026-12-01
date = 2027-01-20
replacement = "image/studio/poster-2"
migration_url = "https://studio.example/poster-2"

[[models]]
name = "poster-2"
kind = "image"
title = "Poster 2"
description = "Ours."
[models.parameters]
prompt = { type = "string", required = true }

[[models]]
name = "older"
kind = "image"
title = "Older"
description = "Ours, and nothing follows."
[models.parameters]
prompt = { type = "string", required = true }
[models.sunset]
since = 2026-12-01
date = 2027-01-16
"""


@pytest.fixture
async def client(world: World, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/studio.toml").write_text(FILE)
    catalogue = Catalogue.load(tmp_path / "own")
    world.serve_with(catalogue=catalogue)
    async with world.client() as client:
        yield client


async def test_before_its_sunset_good_answers_tell_of_it(client: httpx2.AsyncClient) -> None:
    answer = await client.post(POSTER, json={"text": "a fox"})
    assert answer.status_code == 200
    assert answer.headers["deprecation"] == "@1796083200"
    assert moment(1796083200 * 1000).isoformat() == "2026-12-01T00:00:00+00:00"
    assert answer.headers["sunset"] == "Wed, 20 Jan 2027 00:00:00 GMT"
    assert answer.headers["link"] == (
        '<https://studio.example/poster-2>; rel="sunset", '
        f'</generate/{LATER}>; rel="successor-version"'
    )
    follows = await client.post(f"/generate/{LATER}", json={"prompt": "a fox"})
    assert follows.status_code == 200
    assert not {"deprecation", "sunset", "link"} & set(follows.headers)


async def test_a_refusal_says_nothing_of_the_sunset(client: httpx2.AsyncClient) -> None:
    answer = await client.post(POSTER, json={"prompt": 5})
    assert answer.status_code == 400
    assert not {"deprecation", "sunset", "link"} & set(answer.headers)


async def test_from_its_date_on_it_is_gone(world: World, client: httpx2.AsyncClient) -> None:
    submitted = (await client.post(POSTER, json={"prompt": "a fox"})).json()
    midnight_ms = 1_800_403_200_000
    assert moment(midnight_ms).isoformat() == "2027-01-20T00:00:00+00:00"
    world.clock.advance((midnight_ms - 1 - world.clock.now_ms()) / 1000)
    assert (await client.post(POSTER, json={"prompt": "a fox"})).status_code == 200
    world.clock.advance(0.001)
    gone = await client.post(POSTER, json={"prompt": 5})
    assert gone.status_code == 410
    assert gone.json() == {
        "error": "model_unavailable",
        "reason": "deprecated",
        "message": f"The model image/studio/poster is gone since 2027-01-20. Use {LATER} now.",
        "code": "model_unavailable",
        "sunset_date": "2027-01-20",
        "replacement": LATER,
        "migration_url": "https://studio.example/poster-2",
    }
    assert (await client.get(f"/jobs/{submitted['job_id']}")).status_code == 200
    other = (await client.post(OLDER, json={"prompt": "a fox"})).json()
    assert (other["replacement"], other["migration_url"]) == (None, None)
    assert other["message"] == "The model image/studio/older is gone since 2027-01-16."


@pytest.mark.parametrize(
    ("path", "date", "instead"),
    [
        (
            "video/bytedance/seedance-1.0-lite",
            "2026-04-27",
            "video/bytedance/seedance-1.0-pro-fast",
        ),
        ("video/openai/sora-2", "2026-04-27", None),
        ("image/bytedance/seedream-3", "2026-05-13", "image/bytedance/seedream-5-lite"),
    ],
)
async def test_the_models_that_the_public_api_has_ended_are_gone(
    client: httpx2.AsyncClient, path: str, date: str, instead: str | None
) -> None:
    gone = await client.post(f"/generate/{path}", json={"prompt": "a fox"})
    assert gone.status_code == 410
    assert (gone.json()["sunset_date"], gone.json()["replacement"]) == (date, instead)


async def test_the_description_and_the_list_tell_of_it(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert paths[POSTER]["post"]["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= set(
        paths[POSTER]["post"]["responses"]["200"]["headers"]
    )
    assert "deprecated" not in paths[f"/generate/{LATER}"]["post"]
    listed = {one["path"]: one for one in (await client.get("/models")).json()["models"]}
    assert listed[POSTER]["sunset_date"] == "2027-01-20"
    assert listed[POSTER]["replacement"] == LATER
    assert listed[f"/generate/{LATER}"]["sunset_date"] is None
