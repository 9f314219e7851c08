"""``/artifacts/{name}``: what engines produced, to whoever knows the unguessable name."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from ringback.artifacts.contract import ArtifactStore
from ringback.errors import NotFound, RangeNotSatisfiable

_HEADERS = {
    "x-content-type-options": "nosniff",
    # Should a browser ever take a file for a page, nothing in it runs.
    "content-security-policy": "default-src 'none'; sandbox",
    # A name's bytes never change; what was deleted shall be gone from caches that are shared, too.
    "cache-control": "private, max-age=31536000, immutable",
}
_ONE_RANGE = re.compile(rb"bytes=(?:(\d{1,18})-(\d{1,18})?|-\d{1,18})")


class ArtifactRoutes:
    """The route of produced files."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def get_artifact(self, request: Request) -> FileResponse:
        """Answer with the file, whole or the one range asked for."""
        artifact = self._artifacts.find(request.path_params["name"])
        if artifact is None:
            raise NotFound("There is no artifact of that name.")
        return _Artifact(
            artifact.path,
            media_type=artifact.media_type,
            filename=artifact.path.name,
            content_disposition_type="inline",
            headers=_HEADERS,
        )


class _Artifact(FileResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A Range that is malformed or asks for many may be ignored (RFC 9110, 14.2): the whole
        # file is a better answer than an error.
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name != b"range" or _is_one_range(value)
        ]

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 416:
                size = dict(message["headers"])[b"content-range"].removeprefix(b"bytes */")
                raise RangeNotSatisfiable(int(size))
            await send(message)

        await super().__call__({**scope, "headers": headers}, receive, watched_send)


def _is_one_range(value: bytes) -> bool:
    match = _ONE_RANGE.fullmatch(value)
    return match is not None and (match[2] is None or int(match[1]) <= int(match[2]))
