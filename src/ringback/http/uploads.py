"""Uploads: their bytes are counted and written to disk as they come, never kept in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from ringback.egress.data_uris import DataUri
from ringback.errors import BodyTooLarge, TooManyUploads
from ringback.files.assets.model import Asset
from ringback.files.temporary import TemporaryFiles
from ringback.http.bodies import check_coding
from ringback.http.headers import headers_of, idempotency_key
from ringback.http.multipart import FileForm, safe_filename
from ringback.service.assets import FILE_BYTES_MAX, AssetService, Remote, Upload
from ringback.service.media_inputs import Media

UPLOADS_MAX = 8
"""The largest number of concurrent uploads of one workspace."""
_FORM_BYTES_MAX = 65_536  # of the form without the file
_WRITE_BYTES = 1 << 20
_RETRY_AFTER_S = 5


class Uploads:
    """Creates assets from uploads, a few of each workspace at once."""

    def __init__(
        self,
        assets: AssetService,
        incoming: TemporaryFiles,
        room: Callable[[], None],
    ) -> None:
        self._assets = assets
        self._incoming = incoming
        self._room = room
        self._open: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, workspace_id: str) -> AsyncIterator[None]:
        """Hold one of the workspace's slots, or raise ``TooManyUploads`` or ``StorageFull``."""
        if self._open[workspace_id] >= UPLOADS_MAX:
            raise TooManyUploads(UPLOADS_MAX, retry_after_s=_RETRY_AFTER_S)
        self._room()
        self._open[workspace_id] += 1
        try:
            yield
        finally:
            self._open[workspace_id] -= 1
            if not self._open[workspace_id]:
                del self._open[workspace_id]

    async def add_form(self, request: Request, *, workspace_id: str) -> Asset:
        """Return the asset of a form's file; raises as ``receive`` and ``AssetService.add``."""
        key = idempotency_key(headers_of(request.scope))
        async with self.slot(workspace_id):
            with self._incoming.new_file() as path:
                form, digest = await self.receive(request, path)
                return await self._assets.add(
                    Upload(
                        workspace_id=workspace_id,
                        path=path,
                        fingerprint=_fingerprint(digest, form.filename, form.description),
                        filename=form.filename,
                        description=form.description,
                        idempotency_key=key,
                    )
                )

    async def add_content(
        self,
        content: bytes,
        *,
        description: str | None,
        workspace_id: str,
        key: str | None = None,
    ) -> Asset:
        """Return the asset of a file's content; raises as ``AssetService.add``."""
        async with self.slot(workspace_id):
            with self._incoming.new_file() as path:
                await asyncio.to_thread(path.write_bytes, content)
                digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
                return await self._assets.add(
                    Upload(
                        workspace_id=workspace_id,
                        path=path,
                        fingerprint=_fingerprint(digest, None, description),
                        description=description,
                        idempotency_key=key,
                    )
                )

    async def add_media(
        self,
        media: Media,
        *,
        description: str | None,
        workspace_id: str,
        key: str | None = None,
    ) -> Asset:
        """Return the asset of the file that a request names.

        Raises as ``AssetService.fetch`` and ``add``.
        """
        if isinstance(media, DataUri):
            return await self.add_content(
                media.content, description=description, workspace_id=workspace_id, key=key
            )
        source = media.url if isinstance(media, Remote) else media.name
        async with self.slot(workspace_id):
            with self._incoming.new_file() as path:
                await self._assets.fetch(media, path, workspace_id=workspace_id)
                return await self._assets.add(
                    Upload(
                        workspace_id=workspace_id,
                        path=path,
                        fingerprint=_fingerprint(source, description),
                        filename=_filename_of(source),
                        description=description,
                        idempotency_key=key,
                    )
                )

    async def receive(self, request: Request, path: Path) -> tuple[FileForm, str]:
        """Write the form's file to the path; return the form and the digest of the file.

        Raises ``BodyTooLarge`` as early as possible, or ``InvalidRequest``.
        """
        headers = headers_of(request.scope)
        check_coding(headers)
        body_bytes_max = FILE_BYTES_MAX + _FORM_BYTES_MAX
        length = headers.get(b"content-length")
        # A wrong length is found while reading; this refuses the body unread.
        if length is not None and length.isdigit() and int(length[:20]) > body_bytes_max:
            raise BodyTooLarge(FILE_BYTES_MAX)
        form = FileForm(headers.get(b"content-type") or b"", bytes_max=FILE_BYTES_MAX)
        digest = hashlib.sha256()

        def write(file: BinaryIO) -> None:
            parts, form.pending = form.pending, []
            for part in parts:
                digest.update(part)
            file.writelines(parts)

        received = written = 0
        with path.open("wb") as file:
            async for chunk in self.chunks(request.receive):
                received += len(chunk)
                if received > body_bytes_max:
                    raise BodyTooLarge(FILE_BYTES_MAX)
                form.feed(chunk)
                if received - written >= _WRITE_BYTES:
                    written = received
                    self._room()
                    await asyncio.to_thread(write, file)
            form.finish()
            await asyncio.to_thread(write, file)
        return form, digest.hexdigest()

    def file(self) -> AbstractContextManager[Path]:
        """Yield a path for a file that is deleted when the context ends; raises ``StorageFull``."""
        return self._incoming.new_file()

    async def chunks(self, receive: Receive) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raises ``ClientDisconnect``."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            yield message.get("body", b"")


def _filename_of(url: str) -> str | None:
    path = url.partition("?")[0].partition("#")[0]
    return safe_filename(path.encode("utf-8", "replace")) if path.count("/") > 2 else None


def _fingerprint(*parts: str | None) -> str:
    return hashlib.sha256(
        "\0".join(part or "" for part in parts).encode("utf-8", "replace")
    ).hexdigest()
