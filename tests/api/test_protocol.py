"""Requests that never become one: too long, too slow, or no HTTP at all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ringback.api.protocol import HEAD_BYTES_MAX, BoundedProtocol


class HastyProtocol(BoundedProtocol):
    request_s_max = 0.2


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


@asynccontextmanager
async def served(
    protocol: type[BoundedProtocol] = BoundedProtocol,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve ``echo`` and give a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(echo, http=protocol, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            await server.shutdown(sockets=[listener])


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\nx-a: %b",
        b"GET /%b",
    ],
    ids=["header", "url"],
)
async def test_a_head_that_does_not_end_is_refused(head: bytes) -> None:
    async with served() as (reader, writer):
        writer.write(head % (b"a" * (HEAD_BYTES_MAX + 1)))
        answer = await reader.read()
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 4")
    assert json.loads(body)["error"]


async def test_what_is_no_http_is_refused_in_the_contracts_shape() -> None:
    async with served() as (reader, writer):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        answer = await reader.read()
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 400 ")
    assert set(json.loads(body)) == {"error", "message", "code"}


async def test_a_large_body_is_no_head() -> None:
    async with served() as (reader, writer):
        size = 4 * HEAD_BYTES_MAX
        head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % size + b"x" * size)
        answer = await reader.read()
    assert b"%d" % size in answer


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["nothing", "half a head"])
async def test_a_request_that_does_not_come_is_not_waited_for(begun: bytes) -> None:
    async with served(HastyProtocol) as (reader, writer):
        writer.write(begun)
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_connection_serves_many_requests() -> None:
    async with served() as (reader, writer):
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"0\r\n\r\n")
