"""``/artifacts/{name}``: what engines produced, to whoever knows the unguessable name."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ringback.api.ranges import Range, range_in
from ringback.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.errors import NotFound

_SAFE = {
    "x-content-type-options": "nosniff",
    # Should a browser ever take a file for a page, nothing in it runs.
    "content-security-policy": "default-src 'none'; sandbox",
}
_HEADERS = {
    **_SAFE,
    # A name's bytes never change; what was deleted shall be gone from caches that are shared, too.
    "cache-control": "private, max-age=31536000, immutable",
    "accept-ranges": "bytes",
}
# A browser that is led to a clip or a sound makes a page of its own for it, whose player asks for
# the file again: that much it may.
_PLAYED = {
    "content-security-policy": "default-src 'none'; media-src 'self'; sandbox allow-same-origin"
}
# The address behind a link stops to work after a while: nobody shall keep it.
_LINK_HEADERS = {**_SAFE, "cache-control": "no-store"}


class ArtifactRoutes:
    """The route of produced files."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def get_artifact(self, request: Request) -> Response:
        """Answer with the file, whole or the one range asked for, or with a link to it."""
        artifact = await self._artifacts.find(request.path_params["name"])
        if artifact is None:
            raise NotFound("There is no artifact of that name.")
        link = await self._artifacts.link(artifact)
        if link is not None:
            return RedirectResponse(link, 302, headers=_LINK_HEADERS)
        tag = f'"{artifact.name}"'
        if request.headers.get("if-none-match") in (tag, "*"):
            return Response(status_code=304, headers={**_HEADERS, "etag": tag})
        wanted = range_in(request.scope, size_bytes=artifact.size_bytes, tag=tag)
        return self._answer(artifact, wanted, tag, is_head=request.method == "HEAD")

    def _answer(
        self, artifact: StoredArtifact, wanted: Range | None, tag: str, *, is_head: bool
    ) -> Response:
        size = artifact.size_bytes
        first, count = (0, size) if wanted is None else (wanted.first, wanted.count)
        headers = {
            **_HEADERS,
            "etag": tag,
            "content-length": str(count),
            "content-disposition": f'inline; filename="{artifact.name}"',
        }
        if artifact.media_type.startswith(("video/", "audio/")):
            headers.update(_PLAYED)
        if wanted is not None:
            headers["content-range"] = f"bytes {first}-{first + count - 1}/{size}"
        status, kind = 200 if wanted is None else 206, artifact.media_type
        if is_head:
            return Response(status_code=status, headers=headers, media_type=kind)
        body = self._artifacts.read(artifact, first=first, count=count)
        return StreamingResponse(body, status, headers, kind)
