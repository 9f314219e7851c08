"""Where providers say that there is news: 200 to them, and to everybody else as if it were not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx2
import pytest
from api.world import BASE_URL, World

from ringback.api.app import create_api


@pytest.fixture
def world_with_hooks(world: World) -> World:
    """A server whose engine ``studio`` knows of one job."""

    async def take(
        engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        return (engine, job_id, proof, body) == ("studio", "j-1", "p", b"{}") and "host" in headers

    world.app = create_api(replace(world.deps, take_hook=take))
    return world


async def posted(world: World, path: str, body: bytes = b"{}") -> httpx2.Response:
    async with world.client(token=None) as http:
        return await http.post(path, content=body)


async def test_the_provider_needs_no_token(world_with_hooks: World) -> None:
    answer = await posted(world_with_hooks, "/hooks/studio/j-1/p")
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    "path",
    ["/hooks/studio/j-1/q", "/hooks/studio/j-2/p", "/hooks/other/j-1/p", "/hooks/studio/j-1"],
)
async def test_whoever_guesses_learns_nothing(world_with_hooks: World, path: str) -> None:
    answer = await posted(world_with_hooks, path)
    nowhere = await posted(world_with_hooks, "/nowhere")
    assert answer.status_code == nowhere.status_code == 404
    assert answer.json() == nowhere.json()


async def test_a_body_that_is_too_large_is_not_read(world_with_hooks: World) -> None:
    answer = await posted(world_with_hooks, "/hooks/studio/j-1/p", bytes((1 << 20) + 1))
    assert answer.status_code == 413


async def test_a_server_without_such_engines_has_no_hooks(world: World) -> None:
    assert (await posted(world, f"{BASE_URL}/hooks/studio/j-1/p")).status_code == 404
