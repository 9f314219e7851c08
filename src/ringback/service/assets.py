"""The asset service adds, fetches, lists and deletes assets, and checks who may use one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct

from ringback.clock import Clock
from ringback.concurrency.fair_limiter import FairLimiter
from ringback.egress.fetcher import Download
from ringback.errors import (
    AssetNotFound,
    FetchError,
    FieldError,
    InvalidMedia,
)
from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.artifacts.reading import copy_to
from ringback.files.assets.model import Asset
from ringback.files.assets.store import AssetStore
from ringback.files.media.content import Facts
from ringback.files.temporary import TemporaryFiles
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.service.request_files import RequestFiles

log = get_logger(__name__)

FILE_BYTES_MAX = 75 * 1024 * 1024
"""The size limit of one file, which is checked while the file arrives."""
# Concurrent fetches: each takes a connection and a file on disk, and little memory.
_FETCHES_MAX = 32
_FETCHES_RESERVE = 32


class Sanitize(Protocol):
    """Checks a workspace's file, and writes a copy without metadata to another."""

    async def __call__(self, path: Path, stripped: Path, *, workspace_id: str) -> Facts:
        """Return the file's facts, or raise ``InvalidMedia``."""


class Remote(NamedTuple):
    """A URL in ASCII that may be fetched."""

    url: str


class Upload(Struct, frozen=True, kw_only=True):
    """A received file that has not been checked."""

    workspace_id: str
    path: Path
    fingerprint: str
    filename: str | None = None
    description: str | None = None
    idempotency_key: str | None = None


class AssetService:
    """The operations on the assets of a workspace."""

    def __init__(
        self,
        assets: AssetStore,
        *,
        artifacts: ArtifactStore,
        incoming: TemporaryFiles,
        sanitize: Sanitize,
        download: Download,
        clock: Clock,
        ids: Ids,
        bytes_max: int,
    ) -> None:
        self._assets = assets
        self._artifacts = artifacts
        self._files = RequestFiles(artifacts)
        self._incoming = incoming
        self._sanitize = sanitize
        self._download = download
        self._clock = clock
        self._ids = ids
        self._bytes_max = bytes_max
        self._fetches = FairLimiter(_FETCHES_MAX, reserve=_FETCHES_RESERVE)

    async def add(self, upload: Upload) -> Asset:
        """Store a file without its metadata, once per idempotency key.

        Raises ``InvalidMedia``, ``AssetsFull``, ``IdempotencyConflict`` or ``StorageFull``.
        """
        with self._incoming.new_file() as stripped:
            facts = await self._sanitize(upload.path, stripped, workspace_id=upload.workspace_id)
            size_bytes = stripped.stat().st_size
            artifact = await self._artifacts.save(stripped, media_type=facts.media_type.value)
        asset = Asset(
            asset_id=self._ids.uuid7(),
            workspace_id=upload.workspace_id,
            artifact=artifact,
            media_type=facts.media_type.value,
            size_bytes=size_bytes,
            created_at_ms=self._clock.now_ms(),
            width=facts.width,
            height=facts.height,
            duration_s=facts.duration_s,
            frames=facts.frames,
            filename=upload.filename,
            description=upload.description,
            idempotency_key=upload.idempotency_key,
            fingerprint=upload.fingerprint,
        )
        # After a cancellation or a lost answer it is unknown whether the asset exists. The file is
        # kept then: a stray file takes some room, an asset without its file would be broken.
        async with self._files.kept([artifact]):
            added = await self._assets.add_asset(asset, bytes_max=self._bytes_max)
        if added != asset:  # the asset existed before, and nothing refers to these bytes
            await self._files.delete([artifact])
        else:
            log.info("asset_added", asset_id=asset.asset_id, media_type=asset.media_type)
        return added

    async def fetch(
        self, source: StoredArtifact | Remote, path: Path, *, workspace_id: str
    ) -> None:
        """Write a file of this server or of another to a path.

        Raises ``InvalidMedia`` for one that cannot be fetched.
        """
        async with self._fetches.slot(workspace_id):
            try:
                if isinstance(source, Remote):
                    await self._download(
                        source.url, path, bytes_max=FILE_BYTES_MAX, workspace_id=workspace_id
                    )
                else:
                    await self._copy(source, path)
            except FetchError as exc:
                sentence = f"The URL could not be fetched: {exc.words}."
                raise InvalidMedia(sentence, [FieldError("/url", sentence)]) from exc

    async def get(self, asset_id: str, *, workspace_id: str) -> Asset:
        """Return an asset of this workspace, or raise ``AssetNotFound``."""
        asset = await self._assets.get_asset(asset_id)
        if asset is None or asset.workspace_id != workspace_id:
            raise AssetNotFound
        return asset

    async def list_assets(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[Asset]:
        """Return a page of the workspace's assets, newest first."""
        return await self._assets.list_assets(workspace_id, before_id=before_id, limit=limit)

    async def delete(self, asset_id: str, *, workspace_id: str) -> None:
        """Delete an asset, its file first: a crash between leaves a row to go by."""
        asset = await self.get(asset_id, workspace_id=workspace_id)
        await self._artifacts.delete(asset.artifact)
        if await self._assets.delete_asset(asset_id):
            log.info("asset_deleted", asset_id=asset_id)

    async def _copy(self, artifact: StoredArtifact, path: Path) -> None:
        if artifact.size_bytes > FILE_BYTES_MAX:
            raise FetchError("too_large", f"{artifact.name} has more than {FILE_BYTES_MAX} bytes")
        await copy_to(path, self._artifacts, artifact)
