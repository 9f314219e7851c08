from __future__ import annotations

import fcntl
import json
import signal
import socket
from pathlib import Path

import pytest
from cli.program import Program

from ringback.cli.demo.receiver import Received, Receiver


def emulator_runs(data: Path) -> bool:
    """Say whether a server holds the lock of the directory."""
    with (data / "ringback.lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_demo_tells_the_whole_story(ringback: Program, tmp_path: Path) -> None:
    done = ringback.run("demo", RINGBACK_PORT="1", RINGBACK_PUBLIC_URL="http://elsewhere")
    assert done.returncode == 0, done.stderr
    for said in ("ready at", "X-Webhook-URL", "webhook-signature: v1,", "signature verified"):
        assert said in done.stdout
    pictures = (tmp_path / ".ringback/demo/artifacts").rglob("*.png")  # a preview may be one
    assert any(str(picture.relative_to(tmp_path)) in done.stdout for picture in pictures)
    assert not emulator_runs(tmp_path / ".ringback/demo")


def test_the_demo_tells_programs_what_came_of_it(ringback: Program, tmp_path: Path) -> None:
    done = ringback.run("demo", "--json", "--data", "here")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    body = outcome["webhook"]["body"]
    assert (body["job_id"], body["status"]) == (outcome["job_id"], "completed")
    assert body["result"]["urls"] == [outcome["url"]]
    assert (tmp_path / outcome["picture"]).read_bytes().startswith(b"\x89PNG")


def test_a_port_in_use_ends_the_demo_with_the_emulators_words(ringback: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ringback.run("demo", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert done.stderr.startswith("ringback: ")
    assert "in use" in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_demo_that_is_stopped_stops_its_emulator(
    ringback: Program, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    demo = ringback.start("demo")
    demo.lines_until("ready at")
    assert demo.end(number) == status
    assert not emulator_runs(tmp_path / ".ringback/demo")


def test_a_receiver_hands_over_what_it_was_sent() -> None:
    with Receiver().running() as receiver:
        _, port = receiver.url.removesuffix("/webhook").rsplit(":", 1)
        with socket.create_connection(("127.0.0.1", int(port))) as sender:
            sender.sendall(
                b"POST /webhook HTTP/1.1\r\nWebhook-Id: 7\r\ncontent-length: 2\r\n\r\n{}"
            )
            assert sender.recv(64).startswith(b"HTTP/1.1 204")
        taken = receiver.take(timeout_s=5)
        assert taken == Received({"webhook-id": "7", "content-length": "2"}, b"{}")
        assert receiver.take(timeout_s=0.001) is None
