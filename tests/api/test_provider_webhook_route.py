"""The route of provider webhooks: 200 for the provider, and 404 for everybody else."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import pytest

from tests.world import BASE_URL, World


@pytest.fixture
def world_with_provider_webhooks(world: World) -> World:
    """A server with an engine ``studio`` that has one job."""

    async def take(
        engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        return (engine, job_id, proof, body) == ("studio", "j-1", "p", b"{}") and "host" in headers

    world.serve_with(take_provider_webhook=take)
    return world


async def posted(world: World, path: str, body: bytes = b"{}") -> httpx2.Response:
    async with world.client(token=None) as http:
        return await http.post(path, content=body)


async def test_the_provider_needs_no_token(world_with_provider_webhooks: World) -> None:
    answer = await posted(world_with_provider_webhooks, "/hooks/studio/j-1/p")
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    "path",
    ["/hooks/studio/j-1/q", "/hooks/studio/j-2/p", "/hooks/other/j-1/p", "/hooks/studio/j-1"],
)
async def test_a_guess_reveals_nothing(world_with_provider_webhooks: World, path: str) -> None:
    answer = await posted(world_with_provider_webhooks, path)
    nowhere = await posted(world_with_provider_webhooks, "/nowhere")
    assert answer.status_code == nowhere.status_code == 404
    assert answer.json() == nowhere.json()


async def test_a_body_that_is_too_large_is_not_read(world_with_provider_webhooks: World) -> None:
    answer = await posted(world_with_provider_webhooks, "/hooks/studio/j-1/p", bytes((1 << 20) + 1))
    assert answer.status_code == 413


async def test_a_server_without_such_engines_has_no_hooks(world: World) -> None:
    assert (await posted(world, f"{BASE_URL}/hooks/studio/j-1/p")).status_code == 404
