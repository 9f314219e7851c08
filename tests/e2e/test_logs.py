"""A server's log has one event a line, whole, from every source."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ringback.log.outlet import LINES_MAX
from tests.e2e.harness import ServerProcess
from tests.e2e.noisy_program import FORGED, SECRET

JSON_LOG = {"RINGBACK_LOG_FORMAT": "json", "RINGBACK_LOG_LEVEL": "debug"}
NOISY = (str(Path(__file__).with_name("noisy_program.py")),)
CLOSED = Path(__file__).with_name("deaf_program.py")
WARNING = Path(__file__).with_name("warning_program.py")
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "generate_image", "arguments": {"prompt": "a fox", "wait_s": 20}},
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a host", "version": "1"},
    },
}


def events_in(log: Path) -> list[dict[str, Any]]:
    """Return the events of a log, every line of which is one."""
    lines = log.read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line has no end"
    events = [json.loads(line) for line in lines]
    assert all(isinstance(event, dict) and "event" in event for event in events)
    return events


def text_of(log: Path) -> str:
    return log.read_text("utf-8")


def request_of(
    server: ServerProcess, method: str, path: str, body: bytes = b"", **headers: str
) -> bytes:
    sent = {
        "Host": f"127.0.0.1:{server.port}",
        "Authorization": "Bearer dev",
        "Content-Length": str(len(body)),
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def sent_and_left(
    server: ServerProcess, data: bytes, *, read_bytes: int = 0, resets: bool = True
) -> None:
    """Send these bytes, read some of the answer, and leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(data)
    await writer.drain()
    if read_bytes:
        await reader.readexactly(read_bytes)
    if resets:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


async def answered(server: ServerProcess, data: bytes) -> bytes:
    """Send these bytes and return the answer up to its connection's end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


async def leave_in_every_way(server: ServerProcess) -> None:
    """Have clients go away in the middle of requests and of answers."""
    call, hello = json.dumps(CALL).encode(), json.dumps(INITIALIZE).encode()
    whole = [
        (request_of(server, "POST", "/mcp", call), 1),  # while the tool works
        (request_of(server, "POST", "/mcp", hello), 0),
        (request_of(server, "POST", "/mcp", hello, Accept="application/json"), 0),
        (request_of(server, "GET", "/events?wait_s=20"), 0),
        (request_of(server, "GET", "/events", Accept="text/event-stream"), 1),
        (request_of(server, "GET", "/openapi.json"), 1),
        (request_of(server, "GET", "/jobs", Content_Type="text/plain") * 50, 1),
    ]
    halves = [
        request_of(server, "POST", path, body)[:-1]
        for path, body in (("/mcp", call), ("/mcp", hello), ("/assets", bytes(100_000)))
    ]
    form = request_of(
        server, "POST", "/assets", bytes(100_000), Content_Type="multipart/form-data; boundary=x"
    )
    for resets in (False, True):
        for data, read_bytes in whole:
            await sent_and_left(server, data, read_bytes=read_bytes, resets=resets)
        for data in (*halves, form[:-1]):
            await sent_and_left(server, data, resets=resets)


async def leave_the_inbox(server: ServerProcess) -> None:
    """Have a sender leave in the middle of a webhook to the emulator's inbox."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port + 1)
    writer.write(request_of(server, "POST", "/dev", bytes(1_000))[:-1])
    await writer.drain()
    writer.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def test_bad_requests_and_clients_that_leave_are_events_and_no_bugs(
    tmp_path: Path, log: Path
) -> None:
    async with ServerProcess(tmp_path / "data", environment=JSON_LOG, errors=log) as server:
        await server.start()
        for bad in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET  / HTTP/9.9\r\n\r\n", b"\n{}\r\n"):
            assert b"400 Bad Request" in await answered(server, bad)
        upgrade = request_of(
            server, "GET", "/healthz", Connection="Upgrade, close", Upgrade="websocket"
        )
        assert b"HTTP/1.1 200" in await answered(server, upgrade)
        await leave_in_every_way(server)
        await leave_the_inbox(server)
        closing = request_of(server, "GET", "/healthz", Connection="close")
        assert b"HTTP/1.1 200" in await answered(server, closing)
        assert await server.stop() == 0
    events = events_in(log)
    named = Counter(event["event"] for event in events)
    assert named["http_request_invalid"] == 3
    assert named["client_left"] >= 1
    serious = [one for one in events if one["level"] not in ("debug", "info")]
    assert serious == []


async def test_what_libraries_say_is_an_event_too(tmp_path: Path, log: Path) -> None:
    server = ServerProcess(tmp_path / "data", program=NOISY, environment=JSON_LOG, errors=log)
    async with server:
        await server.start()
        closing = request_of(server, "GET", "/healthz", Connection="close")
        await answered(server, closing)
        assert await server.stop() == 0
    events = events_in(log)
    logged = [event for event in events if event["event"] == "library_logged"]
    loggers = Counter(event["logger"] for event in logged)
    assert loggers["some.library"] == 4
    assert loggers["asyncio"] == 2
    assert next(one["message"] for one in logged if one["logger"] == "some.library") == FORGED
    (raised,) = (one for one in logged if one["message"] == "it raised")
    assert "KeyError" in raised["exception"]
    assert raised["level"] == "error"
    named = Counter(event["event"] for event in events)
    assert named["python_warned"] == 1
    assert named["thread_broke"] == 1
    assert named["exception_ignored"] == 1
    assert SECRET not in text_of(log)
    assert "forged" not in named
    assert max(map(len, text_of(log).splitlines())) < 20_000


async def test_in_text_an_event_is_one_line_too(tmp_path: Path, log: Path) -> None:
    text = {**JSON_LOG, "RINGBACK_LOG_FORMAT": "text"}
    server = ServerProcess(tmp_path / "data", program=NOISY, environment=text, errors=log)
    async with server:
        await server.start()
        closing = request_of(server, "GET", "/healthz", Connection="close")
        await answered(server, closing)
        assert await server.stop() == 0
    lines = text_of(log).splitlines()
    assert [line for line in lines if not line.startswith("20")] == []
    assert sum("library_logged" in line for line in lines) == 6
    assert "\x1b" not in text_of(log)


@pytest.mark.parametrize("command", ["dev", "serve", "worker", "dispatch"])
async def test_a_start_that_is_refused_is_an_event_in_a_json_log(
    tmp_path: Path, log: Path, command: str
) -> None:
    (tmp_path / "file").write_text("no directory")
    options = ["--data", str(tmp_path / "file" / "data"), "--log-format", "json"]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringback", command, *options), stderr=errors
        )
        assert await process.wait() == 1
    (event,) = events_in(log)
    assert event["event"] == "process_failed"
    assert event["reason"]


async def test_lines_of_several_processes_in_one_file_are_whole(log: Path) -> None:
    program = """
import sys
from ringback.log import configure, get_logger
configure(level="info", as_json=True)
log = get_logger("one")
for number in range(2_000):
    log.info("asset_added", process=sys.argv[1], number=number, text="x" * (number % 300))
"""
    with log.open("ab") as errors:
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, str(number)), stderr=errors
            )
            for number in range(3)
        ]
        assert [await process.wait() for process in processes] == [0, 0, 0]
    events = events_in(log)
    assert Counter(event["process"] for event in events) == {"0": 2_000, "1": 2_000, "2": 2_000}
    assert all(len(event["text"]) == event["number"] % 300 for event in events)


async def test_a_server_whose_standard_error_is_closed_serves(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", program=(str(CLOSED),), environment=JSON_LOG)
    async with server:
        await server.start()
        closing = request_of(server, "GET", "/healthz", Connection="close")
        assert b"HTTP/1.1 200" in await answered(server, closing)
        assert await server.stop() == 0


async def test_a_server_whose_log_nobody_reads_serves_and_stops(tmp_path: Path) -> None:
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    read_end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = ServerProcess(tmp_path / "data", environment=JSON_LOG, errors=fifo)
    async with server:
        await server.start()
        for _ in range(2 * LINES_MAX):  # more than the pipe and the server hold
            await answered(server, b"no HTTP\r\n\r\n")
        lines = await asyncio.to_thread(_read_until, read_end, "log_lines_left_out")
        assert lines
        closing = request_of(server, "GET", "/healthz", Connection="close")
        for _ in range(LINES_MAX):
            await answered(server, b"no HTTP\r\n\r\n")
        assert b"HTTP/1.1 200" in await answered(server, closing)
        assert await server.stop() == 0
    os.close(read_end)


def _read_until(descriptor: int, event: str) -> list[dict[str, Any]]:
    """Read events from a pipe until one of that name comes; every line is an event."""
    os.set_blocking(descriptor, True)
    events: list[dict[str, Any]] = []
    with open(descriptor, "rb", closefd=False) as pipe:
        for line in pipe:
            events.append(json.loads(line))
            if events[-1]["event"] == event:
                return events
    return []


async def test_a_command_logs_json_where_it_is_named(tmp_path: Path, log: Path) -> None:
    environment = {**os.environ, **JSON_LOG, "PYTHONWARNINGS": "always"}
    create = ("keys", "create", "--workspace", "shop", "--data", str(tmp_path / "data"), "--json")
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(WARNING), *create),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
        )
        assert await process.wait() == 0
    assert "python_warned" in [event["event"] for event in events_in(log)]
