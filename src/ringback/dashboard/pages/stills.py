"""Stills of meshes: for cards, and for browsers without scripts."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp

from ringback.concurrency.process_pool import ProcessDied, ProcessPool
from ringback.dashboard.page_request import PageRequest
from ringback.errors import RouteNotFound
from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.artifacts.names import media_type_of
from ringback.files.artifacts.reading import copy_to

_MESH = "model/gltf-binary"
_KEPT_MAX = 256  # stills in memory, of some 20 KB
_STILL_S = 30.0
_CACHED = "private, max-age=86400, immutable"


class StillViews:
    """The stills, drawn one at a time in a process of its own, each once."""

    def __init__(self, artifacts: ArtifactStore, draw: Callable[[bytes], bytes]) -> None:
        self._draw_at = draw
        self._artifacts = artifacts
        self._pool = ProcessPool()
        self._drawing = asyncio.Lock()
        self._kept: dict[str, bytes | None] = {}  # None: a file that shows nothing

    async def still(self, request: PageRequest) -> ASGIApp:
        """Send the still of a mesh, or 404 for a file that is gone or is none."""
        name: str = request.path_params["name"]
        artifact = await self._artifacts.find(name) if media_type_of(name) == _MESH else None
        if artifact is None:
            raise RouteNotFound("There is no such mesh.")
        async with self._drawing:
            if name not in self._kept:
                self._kept[name] = await self._draw(artifact)
                for old in list(self._kept)[:-_KEPT_MAX]:
                    del self._kept[old]
        content = self._kept[name]
        if content is None:
            raise RouteNotFound("The mesh cannot be shown.")
        return Response(content, media_type="image/jpeg", headers={"cache-control": _CACHED})

    async def _draw(self, artifact: StoredArtifact) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
            path = Path(folder) / "mesh.glb"
            await copy_to(path, self._artifacts, artifact)
            try:
                async with asyncio.timeout(_STILL_S):
                    answer = await self._pool.run(self._draw_at, os.fsencode(path))
            except (TimeoutError, ProcessDied):
                return None
        return answer[1:] if answer.startswith(b"+") else None
