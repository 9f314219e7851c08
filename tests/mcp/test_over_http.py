"""Checks before a call at /mcp: token, origin, size, and whether the package is installed."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from ringback.mcp import http
from ringback.settings import Settings
from ringback.testing.emulator import Emulator
from tests.patience import SOON_S

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
    response = post(emulator)
    assert response.status_code == 200
    assert '"name":"ringback"' in response.text


def test_a_message_may_begin_with_a_byte_order_mark(emulator: Emulator) -> None:
    marked = post(emulator, b"\xef\xbb\xbf" + json.dumps(MESSAGE).encode())
    assert '"name":"ringback"' in marked.text


def test_the_first_message_over_stdio_may_too(emulator: Emulator) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "ringback", "mcp", "--url", emulator.url, "--token", "studio"],
        input=b"\xef\xbb\xbf" + json.dumps(MESSAGE).encode() + b"\n",
        capture_output=True,
        timeout=SOON_S,
        check=True,
    )
    assert b'"name":"ringback"' in answer.stdout


def test_a_compressed_message_is_refused_in_a_sentence(emulator: Emulator) -> None:
    response = post(emulator, gzip.compress(json.dumps(MESSAGE).encode()), content_encoding="gzip")
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")
    assert "compressed" in response.json()["error"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_connection_is_named_once(emulator: Emulator, version: str) -> None:
    body = json.dumps(MESSAGE).encode()
    headers = {**HEADERS, "host": "localhost", "connection": "close", "content-length": len(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    address = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=SOON_S) as sock:
        sock.sendall(f"POST /mcp HTTP/{version}\r\n{head}\r\n".encode() + body)
        answer = b"".join(iter(lambda: sock.recv(65_536), b""))
    header, _, content = answer.partition(b"\r\n\r\n")
    assert header.startswith(b"HTTP/1.1 200 ")
    assert header.lower().count(b"\r\nconnection: ") == 1
    assert (b"transfer-encoding" in header) == (version == "1.1")
    assert b'"name":"ringback"' in content


def test_without_a_token_nothing_is_answered(emulator: Emulator) -> None:
    response = httpx2.post(f"{emulator.url}/mcp", json=MESSAGE)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "x", "//["]
)
def test_pages_of_other_sites_are_refused(emulator: Emulator, origin: str) -> None:
    response = post(emulator, origin=origin)
    assert (response.status_code, response.json()["code"]) == (403, "origin_refused")


def test_our_own_origin_is_not_refused(emulator: Emulator) -> None:
    assert post(emulator, origin=emulator.url).status_code == 200


def test_a_foreign_host_name_is_refused(emulator: Emulator) -> None:
    response = post(emulator, host="evil.example", origin="http://evil.example")
    assert (response.status_code, response.json()["code"]) == (403, "host_refused")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_methods_of_sessions_are_not_allowed(emulator: Emulator, method: str) -> None:
    response = httpx2.request(method, f"{emulator.url}/mcp", headers=HEADERS)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_message_may_not_be_larger_than_the_cap(emulator: Emulator) -> None:
    assert post(emulator, b" " * (Settings().file_body_bytes_max + 1)).status_code == 413


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"jsonrpc":"2.0"}', b"\xff" * 9])
def test_a_malformed_message_is_refused_and_the_next_one_answered(
    emulator: Emulator, content: bytes
) -> None:
    assert 400 <= post(emulator, content).status_code < 500
    assert post(emulator).status_code == 200


def test_calls_of_one_workspace_are_limited(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CALLS_MAX", 0)
    response = post(emulator)
    assert (response.status_code, response.headers["retry-after"]) == (429, "10")


def test_a_server_without_the_package_says_what_to_install(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_PACKAGE", "ringback.mcp.not_installed")
    response = post(emulator)
    assert response.status_code == 404
    assert "pip install 'ringback[mcp]'" in response.json()["error"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("application/*", "application/json"),
        ("text/*;q=0.5, application/json", "text/event-stream"),
        ("*/*", "text/event-stream"),
        (None, "text/event-stream"),
        ("Application/JSON;q=0.9", "application/json"),
    ],
)
def test_a_host_is_answered_in_a_media_type_that_it_accepts(
    emulator: Emulator, accept: str | None, media_type: str
) -> None:
    with httpx2.Client(timeout=30) as http:
        del http.headers["accept"]
        headers = {name: value for name, value in HEADERS.items() if name != "accept"}
        headers |= {} if accept is None else {"accept": accept}
        response = http.post(f"{emulator.url}/mcp", json=MESSAGE, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith(media_type)
    assert '"name":"ringback"' in response.text


def test_a_host_that_accepts_neither_type_is_refused(emulator: Emulator) -> None:
    assert post(emulator, accept="text/html").status_code == 406
