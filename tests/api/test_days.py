"""One server shows the public API of one day: its routes, its fields and its description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx2
import pytest

from tests.world import FLUX, a_world

GONE, NEW = "/generate/image/google/imagen-4", "/generate/video/vidu/q3"
BODY = {"prompt": "a fox"}


@pytest.fixture
async def older(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that shows the older day."""
    day = date(2026, 5, 27)
    async with a_world(tmp_path / "older", krea_as_of=day) as world, world.client() as client:
        yield client


async def paths_of(client: httpx2.AsyncClient) -> set[str]:
    """Return the generate routes in the description, which are those of the list of models."""
    described = (await client.get("/openapi.json")).json()["paths"]
    listed = (await client.get("/models")).json()["models"]
    paths = {path for path in described if path.startswith("/generate/")}
    assert {one["path"] for one in listed} == paths
    return paths


async def test_the_newest_day_is_shown_by_default(client: httpx2.AsyncClient) -> None:
    paths = await paths_of(client)
    assert NEW in paths
    assert GONE not in paths
    answer = await client.post(GONE, json=BODY)
    assert answer.status_code == 410
    assert answer.json()["error"] == "model_unavailable"
    assert answer.json()["sunset_date"] == "2026-10-09"


async def test_another_day_is_shown_where_the_setting_names_it(older: httpx2.AsyncClient) -> None:
    paths = await paths_of(older)
    assert GONE in paths
    assert NEW not in paths
    assert (await older.post(GONE, json=BODY)).status_code == 200
    assert (await older.post(NEW, json=BODY)).status_code == 404


async def test_a_renamed_field_is_deprecated_from_its_day_on(
    client: httpx2.AsyncClient, older: httpx2.AsyncClient
) -> None:
    body = {**BODY, "guidance_scale_flux": 7}
    now = await client.post(FLUX, json=body)
    assert now.status_code == 200
    assert now.headers["deprecation"] == "@1791504000"  # 2026-10-09
    before = await older.post(FLUX, json=body)
    assert before.status_code == 200
    assert "deprecation" not in before.headers


async def test_a_deprecated_field_is_answered_with_deprecation(client: httpx2.AsyncClient) -> None:
    path = "/generate/video/bytedance/seedance-2"
    assert "deprecation" not in (await client.post(path, json=BODY)).headers
    answer = await client.post(path, json={**BODY, "generate_audio": False})
    assert answer.status_code == 200
    assert answer.headers["deprecation"] == "@1791504000"
