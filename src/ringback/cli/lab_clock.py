"""The clock of a running emulator, moved over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import click

from ringback.cli.endings import NoAnswer

# A three-day schedule takes a second or so; many receivers that do not answer take longer.
_TIMEOUT_S = 600
_BYTES_MAX = 65_536


class RemoteClock:
    """The clock of the emulator at a URL."""

    def __init__(self, url: str, *, token: str) -> None:
        self._url = f"{url.rstrip('/')}/lab/clock"
        self._token = token
        # A proxy of this shell's environment has no business between here and loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def read(self) -> dict[str, Any]:
        """Return the emulator's time; raises ``ClickException`` when it does not tell."""
        return self._ask(None, "now", "ahead")

    def advance(self, duration: str) -> dict[str, Any]:
        """Move the emulator's time on; raises ``ClickException`` when it refuses."""
        body = json.dumps({"advance": duration}).encode()
        return self._ask(body, "before", "now", "attempts")

    def _ask(self, body: bytes | None, *members: str) -> dict[str, Any]:
        try:
            document = json.loads(self._send(body))
            return {member: document[member] for member in members}
        except urllib.error.HTTPError as exc:
            with exc:
                raise click.ClickException(self._refusal(exc)) from exc
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise NoAnswer(
                f"No emulator answers at {self._url} ({exc}); "
                "start one with ringback dev, or name it with --url."
            ) from exc

    def _send(self, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, data=body, headers=headers)
        with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read(_BYTES_MAX)
            return content

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        if error.code == 404:
            return f"{self._url} does not exist; only ringback dev has a clock that can be moved."
        try:
            said = json.loads(error.read(_BYTES_MAX))["error"]
        except (OSError, ValueError, TypeError, KeyError):
            said = "it did not say why"
        return f"{self._url} answered {error.code}: {said}"
