from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.world import NULL, World, a_world


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
        for path in ("/", "/jobs", "/openapi.json", "/models"):
            assert await _status(world, host, path) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:7464", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.0.2.7:7464", 200),
        ("evil.example", 403),
        ("evil.example:7464", 403),
        ("127.0.0.2:7464", 403),
        ("localhost.evil.example", 403),
        ("evil.example/<script>", 400),
    ],
)
async def test_a_server_without_a_name_answers_its_own_addresses_alone(
    tmp_path: Path, host: str, status: int
) -> None:
    async with a_world(tmp_path, profile="serve", host="192.0.2.7") as world:
        for path in ("/", "/jobs", "/openapi.json", "/ui/login", "/mcp", "/artifacts/x.png"):
            answered = await _status(world, host, path)
            assert answered == status if status >= 400 else answered != 403, path


async def test_the_refusal_names_the_setting_to_change(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world, world.client() as client:
        answer = await client.get("/", headers={"host": "evil.example"})
    assert answer.json()["code"] == "host_refused"
    assert "set public_url" in answer.json()["error"]
    assert "allowed_hosts" in answer.json()["error"]


async def test_no_job_is_made_for_a_host_that_is_not_ours(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world, world.client() as client:
        answer = await client.post(NULL, json={"prompt": "a"}, headers={"host": "evil.example"})
        assert answer.status_code == 403
        assert (await world.store.counts()).jobs == {}


async def test_a_server_answers_the_names_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    settings = {"profile": "serve", "allowed_hosts": ("box.lan", "2001:db8::7")}
    async with a_world(tmp_path, **settings) as world:
        for host in ("box.lan", "BOX.lan:8080", "[2001:db8::7]:80", "localhost"):
            assert await _status(world, host) == 200
        assert await _status(world, "evil.example") == 403


async def test_a_name_with_the_root_s_dot_is_the_same_name(tmp_path: Path) -> None:
    own = {"public_url": "https://gen.example", "allowed_hosts": ("box.lan",)}
    async with a_world(tmp_path, profile="serve", **own) as world:
        for host in ("gen.example.", "box.lan.:8080", "localhost."):
            assert await _status(world, host) == 200
        assert await _status(world, "evil.example.") == 403
        for host in ("gen.example..", ".", "[::1]."):
            assert await _status(world, host) == 400
    async with a_world(tmp_path, profile="serve") as world, world.client() as client:
        answer = await client.get("/", headers={"host": "localhost.:7464"})
    assert "http://localhost:7464/" in answer.text


async def test_with_a_public_url_every_host_is_answered_and_none_is_believed(
    tmp_path: Path,
) -> None:
    settings = {"profile": "serve", "public_url": "https://gen.example"}
    async with a_world(tmp_path, **settings) as world, world.client() as client:
        answer = await client.get("/", headers={"host": "pod-7.internal:7464"})
    assert answer.status_code == 200
    assert "pod-7" not in answer.text
    assert "https://gen.example/" in answer.text


async def test_a_public_url_and_allowed_hosts_are_together_all_that_is_answered(
    tmp_path: Path,
) -> None:
    own = {"public_url": "https://gen.example", "allowed_hosts": ("box.lan",)}
    async with a_world(tmp_path, profile="serve", **own) as world:
        assert await _status(world, "gen.example") == 200
        assert await _status(world, "box.lan") == 200
        assert await _status(world, "evil.example") == 403


@pytest.mark.parametrize("profile", ["dev", "serve"])
async def test_probes_are_answered_at_any_address(tmp_path: Path, profile: str) -> None:
    async with a_world(tmp_path, profile=profile) as world:
        for path in ("/healthz", "/readyz"):
            assert await _status(world, "ringback:7464", path) == 200
            assert await _status(world, "10.1.2.3:7464", path) == 200
            assert await _status(world, "10.1.2.3:<", path) == 400


@pytest.mark.parametrize(
    "header",
    ["x-forwarded-host", "x-host", "forwarded", "x-original-host", "x-forwarded-server"],
)
async def test_a_proxys_headers_about_the_host_are_ignored(tmp_path: Path, header: str) -> None:
    headers = {header: "host=evil.example" if header == "forwarded" else "evil.example"}
    headers |= {"x-forwarded-proto": "https"}
    async with a_world(tmp_path, profile="serve") as world, world.client() as client:
        for path in ("/", "/openapi.json"):
            answer = await client.get(path, headers=headers)
            assert "evil.example" not in answer.text


async def test_the_address_that_was_dialled_is_ours(tmp_path: Path) -> None:
    async with a_world(tmp_path, profile="serve") as world:
        for host, dialled, status in (
            (b"198.51.100.4:7464", "198.51.100.4", 200),
            (b"198.51.100.4:7464", "::ffff:198.51.100.4", 200),
            (b"[2001:db8::1]", "2001:db8::1", 200),
            (b"198.51.100.5", "198.51.100.4", 403),
        ):
            assert (await _get_root(world, [(b"host", host)], dialled))[0] == status


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


async def test_without_a_host_it_is_the_address_of_the_connection(world: World) -> None:
    status, body = await _get_root(world, [], "::1")
    assert status == 200
    assert b"http://[::1]:7464/models" in body


async def _get_root(
    world: World, headers: list[tuple[bytes, bytes]], dialled: str
) -> tuple[int, bytes]:
    """Request / over a connection to that address."""
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
        "headers": headers,
        "server": (dialled, 7464),
    }
    await world.app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_web_sockets_are_refused(world: World) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await world.app({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
