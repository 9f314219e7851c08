from __future__ import annotations

import fcntl
import json
import signal
import socket
import tempfile
from pathlib import Path

import pytest

from ringback.cli.commands.demo import default_data
from ringback.cli.demo.receiver import Received, Receiver
from tests.cli.program import Program


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
    for text in ("ready at", "X-Webhook-URL", "webhook-signature: v1,", "signature verified"):
        assert text in done.stdout
    pictures = (tmp_path / ".ringback/demo/artifacts").rglob("*.png")  # a preview may be one
    assert any(str(picture.relative_to(tmp_path)) in done.stdout for picture in pictures)
    assert not emulator_runs(tmp_path / ".ringback/demo")
    # No address of a server that has stopped, and no progress of nothing.
    assert "/artifacts/" not in done.stdout.partition("5. Look at the picture")[2].replace(
        ".ringback/demo/artifacts/", ""
    )
    assert " 0%" not in done.stdout
    assert done.stdout.endswith("    ringback dev --data .ringback/demo\n")


def test_the_demo_writes_where_it_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RINGBACK_DATA", raising=False)
    assert default_data() == Path(".ringback/demo")
    monkeypatch.setenv("RINGBACK_DATA", "/data")
    assert default_data() == Path("/data/demo")
    monkeypatch.delenv("RINGBACK_DATA")
    monkeypatch.chdir("/proc")  # in which nobody may write, root neither
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert default_data().parent == tmp_path


def test_the_demo_prints_its_outcome_as_json(ringback: Program, tmp_path: Path) -> None:
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
    ended = 0
    for _ in range(5):
        demo = ringback.start("demo")
        demo.lines_until("ready at")
        ended = demo.end(number)
        if ended not in (0, -number):  # it had told its whole story before the signal came
            break
    assert ended == status
    assert not emulator_runs(tmp_path / ".ringback/demo")


def test_the_demos_receiver_returns_the_webhooks_it_got() -> None:
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
