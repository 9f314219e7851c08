"""The servers that the pytest fixtures use: in this process, or one that runs elsewhere."""

from __future__ import annotations

import json
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ringback.lab.script import Script

_TIMEOUT_S = 30.0
_ADVANCE_S = 600.0  # a three-day schedule takes a second; many dead receivers take longer
_STOP_S = 10.0


class RingbackServer(Protocol):
    """An emulator for tests; ``secret`` signs the webhooks of the jobs that ``api_key`` submits."""

    url: str
    api_key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that configure clients and receivers for this server."""

    def advance(self, seconds: float) -> int:
        """Advance the server's clock, run everything due on the way, and return the attempts."""

    def reset(self) -> None:
        """Empty the workspace of ``api_key``."""

    def use_script(self, script: Script) -> None:
        """Apply a fault script to the jobs from now on; it numbers them from 1."""


class AttachedServer:
    """A running ``ringback dev`` at a URL, with a new workspace of its own.

    Raises ``RuntimeError`` with a sentence when no emulator answers there.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.api_key = f"test-{secrets.token_hex(8)}"
        self.secret = str(self._post("/webhooks/secret/rotate", {"overlap_s": 0})["secret"])

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that configure clients and receivers for this server."""
        return environment_of(self)

    def advance(self, seconds: float) -> int:
        """Advance the clock, which all workspaces of the server share; return the attempts."""
        moved = self._post("/lab/clock", {"advance": f"{round(seconds * 1000)}ms"}, _ADVANCE_S)
        return int(moved["attempts"])

    def reset(self) -> None:
        """Empty this test's workspace; others of the server stay as they are."""
        self._post("/lab/reset", {})

    def use_script(self, script: Script) -> None:
        """Raise ``RuntimeError``: a server that others use takes faults with a submission alone."""
        raise RuntimeError(
            "A server outside this process takes faults with each submission: send "
            "ringback_lab.header(…) with it, or start the server with --lab."
        )

    def _post(self, path: str, body: dict[str, Any], timeout_s: float = _TIMEOUT_S) -> Any:
        import httpx2  # late: it takes longer than the rest

        headers = {"authorization": f"Bearer {self.api_key}"}
        url = self.url + path
        try:
            # No proxy of the environment: the server is this machine's, or its neighbour's.
            with httpx2.Client(timeout=timeout_s, trust_env=False) as http:
                answer = http.post(url, json=body, headers=headers)
                answer.raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            raise RuntimeError(
                f"No emulator of ringback dev answers at {self.url} ({exc}); start one, or "
                "correct RINGBACK_TEST_URL."
            ) from exc
        return answer.json()


def environment_of(server: RingbackServer) -> dict[str, str]:
    """Return the environment variables that configure clients and receivers for a server."""
    return {
        "RINGBACK_BASE_URL": server.url,
        "RINGBACK_API_KEY": server.api_key,
        "RINGBACK_WEBHOOK_SECRET": server.secret,
    }


@contextmanager
def started(command: str, data: Path) -> Iterator[str]:
    """Run a command that is ``ringback dev`` of another environment; yield its URL.

    It is started once with ``--port 0 --json --data``. Raises ``RuntimeError`` when it ends
    before it is ready.
    """
    words = [*shlex.split(command), "--port", "0", "--json", "--data", str(data)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        if not ready.startswith(b"{"):
            raise RuntimeError(
                f"{shlex.join(words)} was not ready; RINGBACK_TEST_COMMAND must be a "
                "command like: /path/to/venv/bin/ringback dev"
            )
        yield json.loads(ready)["url"]
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
