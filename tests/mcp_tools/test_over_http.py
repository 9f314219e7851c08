"""What stands before the tools at /mcp: token, origin, size, and the package itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from ringback.mcp import http
from ringback.testing.emulator import Emulator

MESSAGE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a host", "version": "1"},
    },
}
HEADERS = {
    "authorization": "Bearer studio",
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("mcp-http")) as made:
        yield made


def post(emulator: Emulator, content: Any = None, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"json": MESSAGE} if content is None else {"content": content}
    return httpx2.post(f"{emulator.url}/mcp", headers={**HEADERS, **named}, timeout=30, **sent)


def test_a_host_that_shows_a_token_is_answered(emulator: Emulator) -> None:
    answer = post(emulator)
    assert answer.status_code == 200
    assert '"name":"ringback"' in answer.text


def test_without_a_token_nothing_is_answered(emulator: Emulator) -> None:
    answer = httpx2.post(f"{emulator.url}/mcp", json=MESSAGE)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "x", "//["]
)
def test_pages_of_other_sites_are_refused(emulator: Emulator, origin: str) -> None:
    answer = post(emulator, origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


def test_our_own_origin_is_not_refused(emulator: Emulator) -> None:
    assert post(emulator, origin=emulator.url).status_code == 200


def test_a_name_that_points_here_is_refused(emulator: Emulator) -> None:
    answer = post(emulator, host="evil.example", origin="http://evil.example")
    assert (answer.status_code, answer.json()["code"]) == (403, "host_refused")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_no_sessions_to_listen_to_or_to_end(emulator: Emulator, method: str) -> None:
    answer = httpx2.request(method, f"{emulator.url}/mcp", headers=HEADERS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_message_may_not_be_larger_than_the_cap(emulator: Emulator) -> None:
    assert post(emulator, b" " * (http.BODY_BYTES_MAX + 1)).status_code == 413


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"jsonrpc":"2.0"}', b"\xff" * 9])
def test_what_is_no_message_is_refused_and_breaks_nothing(
    emulator: Emulator, content: bytes
) -> None:
    assert 400 <= post(emulator, content).status_code < 500
    assert post(emulator).status_code == 200


def test_a_workspace_may_have_so_many_calls_at_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CALLS_MAX", 0)
    answer = post(emulator)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def test_a_server_without_the_package_says_what_to_install(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_PACKAGE", "ringback.mcp.not_installed")
    answer = post(emulator)
    assert answer.status_code == 404
    assert "pip install 'ringback[mcp]'" in answer.json()["error"]
