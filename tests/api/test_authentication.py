from __future__ import annotations

import hashlib
from pathlib import Path

import httpx2
import pytest

from ringback.ids import new_token
from ringback.storage.contract import Token
from tests.builders import open_workspaces
from tests.world import NULL, World, a_world


async def _list_jobs(world: World, headers: dict[str, str]) -> httpx2.Response:
    async with world.client(token=None) as client:
        return await client.get("/jobs", headers=headers)


async def _add_token(world: World, workspace_id: str) -> tuple[str, Token]:
    await open_workspaces(world.store, workspace_id)
    secret = new_token()
    token = Token(
        token_id="t1",
        workspace_id=workspace_id,
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        hint=secret[:6],
        created_at_ms=1,
    )
    await world.store.add_token(token)
    return secret, token


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer a b"},
        {"authorization": "Basic c3R1ZGlvOng="},
        {"authorization": "Bearer caf\xe9"},
        {"x-api-key": ""},
    ],
    ids=str,
)
async def test_without_a_token_nothing_is_shown(world: World, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    async with world.client(token=None) as client:
        for method, path in (("GET", "/jobs"), ("POST", NULL), ("DELETE", "/jobs/x")):
            answer = await client.request(method, path, headers=encoded)  # type: ignore[arg-type]
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "not_authenticated"


async def test_two_authorization_headers_are_refused(world: World) -> None:
    async with world.client(token=None) as client:
        answer = await client.get(
            "/jobs", headers=[("authorization", "Bearer a"), ("authorization", "Bearer b")]
        )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer my-app"},
        {"authorization": "bearer my-app"},
        {"authorization": "Key my-app"},
        {"x-api-key": "my-app"},
    ],
    ids=str,
)
async def test_in_dev_any_token_opens_the_workspace_of_its_name(
    world: World, headers: dict[str, str]
) -> None:
    assert (await _list_jobs(world, headers)).status_code == 200
    assert await world.store.get_workspace("my-app") is not None
    (secret,) = await world.keys.secrets_of("workspace:my-app")
    assert secret.startswith("whsec_")


async def test_in_dev_a_token_that_is_no_name_opens_a_workspace_of_its_own(world: World) -> None:
    for token in ("YOUR_API_TOKEN", "x" * 4000, "a/../b"):
        assert (await _list_jobs(world, {"authorization": f"Bearer {token}"})).status_code == 200
    names = [workspace.workspace_id for workspace in await world.store.list_workspaces()]
    assert len(names) == 3
    assert all(name.startswith("dev-") and len(name) == 20 for name in names)


async def test_in_production_only_a_known_token_in_the_one_right_header_opens_a_workspace(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        secret, _ = await _add_token(world, "studio")
        assert (await _list_jobs(world, {"authorization": f"Bearer {secret}"})).status_code == 200
        for headers in (
            {"authorization": f"Bearer {secret}x"},
            {"authorization": "Bearer studio"},
            {"authorization": f"Key {secret}"},
            {"x-api-key": secret},
        ):
            assert (await _list_jobs(world, headers)).status_code == 401


async def test_a_revoked_token_opens_nothing_after_a_second(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        secret, token = await _add_token(world, "studio")
        headers = {"authorization": f"Bearer {secret}"}
        assert (await _list_jobs(world, headers)).status_code == 200
        assert await world.store.revoke_token(token.token_id, now_ms=2)
        world.clock.advance(1)
        assert (await _list_jobs(world, headers)).status_code == 401


async def test_a_new_token_opens_its_workspace_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        assert (await _list_jobs(world, {"authorization": "Bearer rb_x"})).status_code == 401
        secret, _ = await _add_token(world, "studio")
        assert (await _list_jobs(world, {"authorization": f"Bearer {secret}"})).status_code == 200
