"""The demo's client: the API by the standard library's own HTTP, as any program could."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import click

_TIMEOUT_S = 10
_BYTES_MAX = 64 << 20


class Client:
    """Speaks to one server with one token."""

    def __init__(self, base_url: str, *, token: str) -> None:
        self._base_url = base_url
        self._token = token
        # A proxy of this shell's environment has no business between here and loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Return the answer to a JSON body."""
        content = {"Content-Type": "application/json", **headers}
        return json.loads(self._send("POST", self._base_url + path, json.dumps(body), content))

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return json.loads(self._send("GET", self._base_url + path))

    def download(self, url: str) -> bytes:
        """Return the bytes at a URL."""
        return self._send("GET", url)

    def _send(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] = {}
    ) -> bytes:
        """Return the answer's body, or raise ``ClickException`` saying what went wrong."""
        data = None if body is None else body.encode()
        sent = {"Authorization": f"Bearer {self._token}", **headers}
        request = urllib.request.Request(url, data=data, headers=sent, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                content: bytes = answer.read(_BYTES_MAX)
                return content
        except urllib.error.HTTPError as exc:
            said = exc.read(4096).decode("utf-8", "replace")
            raise click.ClickException(f"{method} {url} was answered {exc.code}: {said}") from exc
        except OSError as exc:
            raise click.ClickException(f"{method} {url} was not answered: {exc}.") from exc
