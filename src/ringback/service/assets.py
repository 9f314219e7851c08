"""The verbs on assets: take a file in, look at it, list, delete, and who may use one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from ringback.artifacts.contract import ArtifactStore
from ringback.artifacts.reading import artifact_name, read_own
from ringback.assets.incoming import Incoming
from ringback.assets.model import Asset
from ringback.assets.shelf import Assets
from ringback.clock import Clock
from ringback.egress.fetch import Fetch
from ringback.errors import (
    AssetNotFound,
    CallerError,
    FetchError,
    FieldError,
    InvalidMedia,
    StorageFull,
    StorageUnavailable,
)
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.media.content import Facts

log = get_logger(__name__)

FILE_BYTES_MAX = 75 * 1024 * 1024
"""What one file may have; counted as it comes."""
_FETCHES_MAX = 2  # files by reference, each wholly in memory for a while

TakeIn = Callable[[Path, Path], Awaitable[Facts]]
"""Judges the first file and writes what is kept of it to the second."""


class Upload(Struct, frozen=True, kw_only=True):
    """A file that came, not yet looked at."""

    workspace_id: str
    path: Path
    fingerprint: str
    filename: str | None = None
    description: str | None = None
    idempotency_key: str | None = None


class AssetDesk:
    """What may be done to the assets of a workspace."""

    def __init__(
        self,
        assets: Assets,
        *,
        artifacts: ArtifactStore,
        incoming: Incoming,
        take_in: TakeIn,
        fetch: Fetch,
        clock: Clock,
        ids: Ids,
        bytes_max: int,
    ) -> None:
        self._assets = assets
        self._artifacts = artifacts
        self._incoming = incoming
        self._take_in = take_in
        self._fetch = fetch
        self._clock = clock
        self._ids = ids
        self._bytes_max = bytes_max
        self._fetches = asyncio.Semaphore(_FETCHES_MAX)

    async def add(self, upload: Upload) -> Asset:
        """Keep a file without its metadata, once per idempotency key.

        Raises ``InvalidMedia``, ``AssetsFull``, ``IdempotencyConflict`` or ``StorageFull``.
        """
        with self._incoming.place() as kept:
            facts = await self._take_in(upload.path, kept)
            size_bytes = kept.stat().st_size
            artifact = await self._artifacts.save(kept, media_type=facts.media_type.value)
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
        # Whoever is cut off or gets no answer does not know whether there is an asset: a file too
        # many takes some room, an asset without its file is of no use for ever.
        try:
            added = await self._assets.add_asset(asset, bytes_max=self._bytes_max)
        except StorageUnavailable:
            raise
        except (CallerError, StorageFull):
            await self._forget_file(artifact)
            raise
        if added != asset:  # made before: nobody is led to these bytes
            await self._forget_file(artifact)
        else:
            log.info("asset_added", asset_id=asset.asset_id, media_type=asset.media_type)
        return added

    async def fetch(self, url: str, path: Path, *, base_url: str, workspace_id: str) -> None:
        """Write the bytes behind a URL to a file; raises ``InvalidMedia`` naming the URL."""
        await self.check_usable(url, base_url=base_url, workspace_id=workspace_id, path="/url")
        async with self._fetches:
            try:
                content = await read_own(
                    self._artifacts, url, base_url=base_url, bytes_max=FILE_BYTES_MAX
                ) or await self._fetch(url, bytes_max=FILE_BYTES_MAX)
            except FetchError as exc:
                sentence = f"The URL could not be fetched: {exc.reason}."
                raise InvalidMedia(sentence, [FieldError("/url", sentence)]) from exc
            await asyncio.to_thread(path.write_bytes, content)

    async def check_usable(self, url: str, *, base_url: str, workspace_id: str, path: str) -> None:
        """Raise ``InvalidMedia`` for the URL of another workspace's asset."""
        name = artifact_name(url, base_url=base_url)
        if name is None:
            return
        asset = await self._assets.asset_of_file(name)
        if asset is not None and asset.workspace_id != workspace_id:
            sentence = "This workspace has no asset with that URL; GET /assets lists them."
            raise InvalidMedia(sentence, [FieldError(path, sentence)])

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

    async def _forget_file(self, artifact: str) -> None:
        with suppress(OSError):  # it takes some room and does no other harm
            await self._artifacts.delete(artifact)
