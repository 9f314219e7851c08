"""Static files: read once, served under a hash of their content, cached by browsers for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response

from ringback.errors import RouteNotFound

_FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_IMMUTABLE = "public, max-age=31536000, immutable"


class StaticFiles:
    """Style sheet, scripts and icon, under a path that changes when one of them changes."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {
            file.name: (file.read_bytes(), _TYPES[file.suffix]) for file in sorted(folder.iterdir())
        }
        whole = b"".join(content for content, _ in self._files.values())
        self.version = hashlib.sha256(whole).hexdigest()[:12]

    @property
    def path(self) -> str:
        """Return the path of the files' folder."""
        return f"/ui/static/{self.version}"

    def response(self, version: str, name: str) -> Response:
        """Return a file; with an earlier version in the path, browsers must not keep it."""
        if name not in self._files:
            raise RouteNotFound("There is no such file.")
        content, media_type = self._files[name]
        caching = _IMMUTABLE if version == self.version else "no-cache"
        return Response(content, media_type=media_type, headers={"cache-control": caching})
