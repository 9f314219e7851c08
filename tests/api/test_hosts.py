from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api.world import NULL, World, a_world


async def _status(world: World, host: str, path: str = "/") -> int:
    async with world.client() as client:
        return (await client.get(path, headers={"host": host})).status_code


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:7464", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:7464", 200),
        ("box.lan", 200),
        ("dev.example", 200),
        ("192.0.2.7:7464", 200),
        ("rebound.example", 403),
        ("localhost.rebound.example", 403),
        ("127.0.0.2", 403),
        ("dev.example.evil", 403),
        ("localhost@evil", 400),
        ("localhost:port", 400),
        ("[::1", 400),
    ],
)
async def test_in_dev_only_our_own_names_are_answered(
    tmp_path: Path, host: str, status: int
) -> None:
    own = {"allowed_hosts": ("box.lan",), "public_url": "https://dev.example", "host": "192.0.2.7"}
    async with a_world(tmp_path, **own) as world:
        for path in ("/", "/jobs", "/openapi.json", "/healthz"):
            assert await _status(world, host, path) == status


async def test_in_production_any_well_spelled_name_is_answered(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        assert await _status(world, "ringback.example") == 200
        assert await _status(world, "ringback.example/<script>") == 400


@pytest.mark.parametrize(
    ("settings", "host", "base_url"),
    [
        ({}, "localhost:7464", "http://localhost:7464"),
        ({}, "[::1]:7464", "http://[::1]:7464"),
        ({"public_url": "https://gen.example/"}, "localhost", "https://gen.example"),
    ],
)
async def test_results_begin_where_the_client_reached_us(
    tmp_path: Path, settings: dict[str, Any], host: str, base_url: str
) -> None:
    async with a_world(tmp_path, **settings) as world:
        document = await world.submit(path=NULL, headers={"host": host})
        job = await world.store.get_job(document["job_id"])
    assert job is not None
    assert job.base_url == base_url


async def test_without_a_host_it_is_the_address_that_was_dialled(world: World) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "server": ("::1", 7464),
    }
    await world.app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert b"http://[::1]:7464/models" in sent[1]["body"]


async def test_web_sockets_are_refused(world: World) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await world.app({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
