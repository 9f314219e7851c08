from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.world import FLUX, World, a_world


@pytest.mark.parametrize("path", ["/", "/models", "/openapi.json", "/healthz", "/readyz"])
async def test_the_server_describes_itself_without_a_token(world: World, path: str) -> None:
    async with world.client(token=None) as client:
        answer = await client.get(path)
        head = await client.head(path)
    assert answer.status_code == head.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert head.content == b""
    assert head.headers["content-length"] == str(len(answer.content))


async def test_readiness_ends_before_the_server_does(
    world: World, client: httpx2.AsyncClient
) -> None:
    world.service.drain()
    draining = await client.get("/readyz")
    assert (draining.status_code, draining.json()["code"]) == (503, "draining")
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("profile", "is_named"), [("dev", True), ("serve", False)])
async def test_a_loop_that_keeps_breaking_is_named_to_its_developer_and_to_no_stranger(
    tmp_path: Path, profile: str, is_named: bool
) -> None:
    async with a_world(tmp_path, profile=profile) as world, world.client(token=None) as client:
        world.serve_with(broken_loops=lambda: ["dispatcher"])
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert ("dispatcher" in answer.text) is is_named
        world.serve_with(broken_loops=list)
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("profile", ["dev", "serve"])
async def test_a_server_without_its_database_is_not_ready_and_says_so_and_lives(
    tmp_path: Path, profile: str
) -> None:
    async with a_world(tmp_path, profile=profile) as world, world.client(token=None) as client:
        world.serve_with(unavailable=lambda: ["the database"])
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "the database cannot be reached" in answer.json()["error"]
        assert (await client.get("/healthz")).status_code == 200
        world.serve_with(unavailable=list)
        assert (await client.get("/readyz")).status_code == 200


async def test_the_description_names_the_server_and_each_model(
    client: httpx2.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["servers"][0]["url"] == "http://127.0.0.1:7464"
    assert FLUX in document["paths"]


async def test_every_link_of_the_root_leads_somewhere(client: httpx2.AsyncClient) -> None:
    links = (await client.get("/")).json()["links"]
    for link in links.values():
        assert (await client.get(link)).status_code == 200
