"""``/artifacts/{name}``: produced files. The name cannot be guessed and is the only credential."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ringback.errors import NotFound
from ringback.files.artifacts.contract import ArtifactStore, LinkMethod, StoredArtifact
from ringback.files.media.content import is_shown_inline
from ringback.http.conditions import Validators, is_known, is_same_version
from ringback.http.ranges import Range, range_in

_SAFE = {
    "x-content-type-options": "nosniff",
    # If a browser ever shows a file as a page, no script in it runs.
    "content-security-policy": "default-src 'none'; sandbox",
}
_HEADERS = {
    **_SAFE,
    # A name's bytes never change. Shared caches must not keep them: a deleted file has to be gone.
    "cache-control": "private, max-age=31536000, immutable",
    "accept-ranges": "bytes",
}
# A browser shows a clip or a sound in a page of its own, and the player requests the file again.
_PLAYED = {
    "content-security-policy": "default-src 'none'; media-src 'self'; sandbox allow-same-origin"
}
# The address behind a link expires, so no cache may keep it.
_LINK_HEADERS = {**_SAFE, "cache-control": "no-store"}


class ArtifactRoutes:
    """The route of produced files."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def get_artifact(self, request: Request) -> Response:
        """Return the whole file, the requested range of it, or a redirect to its storage."""
        artifact = await self._artifacts.find(request.path_params["name"])
        if artifact is None:
            raise NotFound("There is no artifact of that name.")
        # A signature is for one method alone.
        method: LinkMethod = "HEAD" if request.method == "HEAD" else "GET"
        link = await self._artifacts.link(artifact, method=method)
        if link is not None:
            return RedirectResponse(link, 302, headers=_LINK_HEADERS)
        file = Validators(tag=f'"{artifact.name}"', saved_at_s=artifact.saved_at_s)
        validators = {"etag": file.tag, "last-modified": file.last_modified}
        if is_known(request.headers, file):
            return Response(status_code=304, headers={**_HEADERS, **validators})
        requested = request.headers.get("range")
        selected = None
        if requested is not None and method == "GET" and is_same_version(request.headers, file):
            selected = range_in(requested, size_bytes=artifact.size_bytes)
        return self._response(artifact, selected, validators, is_head=method == "HEAD")

    def _response(
        self,
        artifact: StoredArtifact,
        selected: Range | None,
        validators: dict[str, str],
        *,
        is_head: bool,
    ) -> Response:
        size = artifact.size_bytes
        first, count = (0, size) if selected is None else (selected.first, selected.count)
        shown = "inline" if is_shown_inline(artifact.media_type) else "attachment"
        headers = {
            **_HEADERS,
            **validators,
            "content-length": str(count),
            "content-disposition": f'{shown}; filename="{artifact.name}"',
        }
        if artifact.media_type.startswith(("video/", "audio/")):
            headers.update(_PLAYED)
        if selected is not None:
            headers["content-range"] = f"bytes {first}-{first + count - 1}/{size}"
        status, kind = 200 if selected is None else 206, artifact.media_type
        if is_head:
            return Response(status_code=status, headers=headers, media_type=kind)
        body = self._artifacts.read(artifact, first=first, count=count)
        return StreamingResponse(body, status, headers, kind)
