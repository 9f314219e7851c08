"""The path of ``public_url``, by which a reverse proxy gives clients this server.

A proxy may cut the path off a request or leave it there: both are served. Routes know nothing of
it; their redirects and ``Location`` headers get it here, their pages in ``dashboard/rendering.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIRST_PARTS = frozenset(
    {
        "artifacts", "assets", "deliveries", "destinations", "events", "export", "generate",
        "healthz", "hooks", "jobs", "lab", "mcp", "models", "node-apps", "openapi.json", "readyz",
        "styles", "ui", "usage", "webhooks", ".well-known",
    }
)  # fmt: skip
"""The first parts of this server's own paths: a public path of that name would be ambiguous."""


def path_of(public_url: str | None) -> str:
    """Return the path of a public URL without a slash at its end; empty for a bare host."""
    return "" if public_url is None else urlsplit(public_url).path.rstrip("/")


class PublicPath:
    """Middleware that takes the public path off requests, and puts it before ``Location``."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self._raw = path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on by this server's own path."""
        path: str = scope.get("path", "")
        if path == self._path or path.startswith(f"{self._path}/"):
            raw = scope.get("raw_path") or b""
            scope = {
                **scope,
                "path": path[len(self._path) :] or "/",
                "raw_path": raw[len(self._raw) :] or b"/",
            }

        async def send_from_here(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, self._public(name, value)) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_from_here)

    def _public(self, name: bytes, value: bytes) -> bytes:
        is_own = name.lower() == b"location" and value[:1] == b"/" and value[:2] != b"//"
        return self._raw + value if is_own else value
