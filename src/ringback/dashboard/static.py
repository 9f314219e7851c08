"""Style, scripts and icon: read once, named by what is in them, kept by browsers for good."""

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
_FOR_GOOD = "public, max-age=31536000, immutable"


class Shelf:
    """The static files, under a path that changes whenever one of them does."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {
            file.name: (file.read_bytes(), _TYPES[file.suffix]) for file in sorted(folder.iterdir())
        }
        whole = b"".join(content for content, _ in self._files.values())
        self.version = hashlib.sha256(whole).hexdigest()[:12]

    @property
    def path(self) -> str:
        """Return the path below which the files are."""
        return f"/ui/static/{self.version}"

    def answer(self, version: str, name: str) -> Response:
        """Return the file of that name; pages of an earlier version get it, but not for good."""
        if name not in self._files:
            raise RouteNotFound("There is no such file.")
        content, media_type = self._files[name]
        keeping = _FOR_GOOD if version == self.version else "no-cache"
        return Response(content, media_type=media_type, headers={"cache-control": keeping})
