"""``ringback listen --forward-to`` as its users have it: lines, keys, a terminal left as it was."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.program import Program, Running
from tests.cli.test_deliveries import submit

_LIMIT_S = 30.0


@contextmanager
def a_local_program(*statuses: int) -> Iterator[str]:
    """Answer with these statuses in turn, then with 204."""
    left = iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(next(left, 204))
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/webhook"
        finally:
            server.shutdown()
            thread.join()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *arguments: str, directory: Path) -> None:
        self._ours, self._theirs = pty.openpty()
        self.before = termios.tcgetattr(self._theirs)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RINGBACK_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ringback", *arguments],
            cwd=directory,
            env=kept,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )
        self.text = ""

    def until(self, pattern: str) -> str:
        """Wait until the output matches a pattern, and return the match."""
        while (found := re.search(pattern, self.text)) is None:
            ready, _, _ = select.select([self._ours], [], [], _LIMIT_S)
            assert ready, self.text
            self.text += os.read(self._ours, 65_536).decode()
        self.text = self.text[found.end() :]
        return found[0]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    @property
    def mode(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@contextmanager
def on_a_terminal(ringback: Program, url: str, local: str, *more: str) -> Iterator[Terminal]:
    terminal = Terminal(
        *("listen", "--url", url, "--forward-to", local, "--name", "ed", *more),
        directory=ringback.directory,
    )
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.mark.timeout(120)
def test_keys_redeliver_list_and_quit_and_the_terminal_is_as_it_was(ringback: Program) -> None:
    url = ringback.start("dev", "--port", "0", "--json").ready()["url"]
    with a_local_program() as local:
        with on_a_terminal(ringback, url, local, "--print-json") as terminal:
            terminal.until("Listening as ed")
            terminal.until(r"whsec_\S+")
            terminal.until("q: quit")
            assert terminal.mode != terminal.before
            terminal.press("r")
            terminal.until("no number 1 yet")
            submit(url)
            line = terminal.until(r"job\.completed  \S+  204 in \d+ ms")
            webhook_id = line.split()[1]
            terminal.until('"status": "completed"')
            terminal.press("r")
            terminal.until(f"Again: job.completed  {webhook_id}")
            terminal.until(rf"{webhook_id}  attempt 2  204 in")
            terminal.press("l?")
            terminal.until(rf"1  job\.completed  {webhook_id}")
            terminal.until("r: redeliver")
            terminal.press("x91")
            terminal.until("no number 9 yet")
            terminal.until(rf"{webhook_id}  attempt 3  204 in")
            terminal.press("q")
            assert terminal.process.wait(_LIMIT_S) == 0
            assert terminal.mode == terminal.before
        with on_a_terminal(ringback, url, local) as terminal:
            terminal.until("--rotate-secret")
            terminal.until("q: quit")
            terminal.press("\x03")  # it has no controlling terminal: this is no signal here
            terminal.process.send_signal(signal.SIGTERM)
            assert terminal.process.wait(_LIMIT_S) == 143
            assert terminal.mode == terminal.before


@pytest.mark.timeout(120)
def test_programs_read_one_json_line_for_each_forwarded_webhook(ringback: Program) -> None:
    url = ringback.start("dev", "--port", "0", "--json").ready()["url"]
    with a_local_program(500) as local:
        listening = ringback.start(
            *("listen", "--url", url, "--forward-to", local, "--name", "ed", "--json")
        )
        about = json.loads(listening.line())
        assert (about["type"], about["listener"]) == ("listener", "ed")
        assert about["secret"].startswith("whsec_")
        job_id = submit(url)
        failed = json.loads(listening.line())
        assert (failed["type"], failed["job_id"]) == ("forwarded", job_id)
        assert (failed["status_code"], failed["reason"], failed["status"]) == (
            500,
            "status",
            "waiting",
        )
        assert failed["next_attempt_at"] is not None
        assert json.loads(failed["body"])["job_id"] == job_id
        done = json.loads(listening.line())
        assert (done["status_code"], done["status"], done["attempt"]) == (204, "delivered", 2)
        assert listening.end(signal.SIGINT) == 130
        rotated = ringback.start(
            *("listen", "--url", url, "--forward-to", local, "--name", "ed", "--json"),
            "--rotate-secret",
        )
        secret = json.loads(rotated.line())["secret"]
        assert secret.startswith("whsec_")
        assert secret != about["secret"]
        assert rotated.end(signal.SIGINT) == 130
    forgotten = ringback.run("listen", "--url", url, "--name", "ed", "--forget")
    assert forgotten.returncode == 0, forgotten.stderr
    again = ringback.run("listen", "--url", url, "--name", "ed", "--forget")
    assert (again.returncode, "no listener of that name" in again.stderr) == (1, True)


_WITHOUT_SERVER = """
import sys
for name in ("apsw", "cryptography", "dns", "httptools", "jsonschema_rs", "numpy", "PIL",
             "starlette", "structlog", "uvicorn", "uvloop"):
    sys.modules[name] = None
from ringback.cli import main
main()
"""


@pytest.mark.timeout(60)
def test_it_forwards_without_the_servers_packages(ringback: Program) -> None:
    url = ringback.start("dev", "--port", "0", "--json").ready()["url"]
    with a_local_program() as local:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _WITHOUT_SERVER),
                *("listen", "--url", url, "--forward-to", local, "--json"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        process.stderr = process.stdout  # both are closed with it
        try:
            assert json.loads(running.line())["type"] == "listener"
            job_id = submit(url)
            assert json.loads(running.line())["job_id"] == job_id
        finally:
            running.close()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--forward-to", "localhost:3000"), 2, "http://localhost:3000/webhook"),
        (("--forward-to", "http://127.0.0.1:1/", "--once"), 2, "do not go with"),
        (("--events", "job.failed"), 2, "go with --forward-to"),
        (("--forward-to", "http://127.0.0.1:1/", "--url", "ftp://x"), 2, "no server's URL"),
        (("--forward-to", "http://127.0.0.1:1/", "--token", "a b"), 2, "visible ASCII"),
    ],
)
def test_an_impossible_forwarding_is_refused_with_a_sentence(
    ringback: Program, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = ringback.run("listen", *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
