"""Files as they come in: counted byte by byte, written to disk, never held whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from ringback.api.headers import headers_of
from ringback.api.multipart import FileForm
from ringback.errors import BodyTooLarge, TooManyUploads, UploadTooSlow
from ringback.service.assets import FILE_BYTES_MAX

UPLOADS_MAX = 8
"""Files that one workspace may send at once."""
IDLE_S_MAX = 30.0
TOTAL_S_MAX = 900.0
_FORM_BYTES_MAX = 65_536  # of all that is not the file
_WRITE_BYTES = 1 << 20
_RETRY_AFTER_S = 5


class Uploads:
    """Receives files, so many per workspace."""

    def __init__(
        self,
        room: Callable[[], None],
        *,
        idle_s_max: float = IDLE_S_MAX,
        total_s_max: float = TOTAL_S_MAX,
    ) -> None:
        self._room = room
        self._idle_s_max = idle_s_max
        self._total_s_max = total_s_max
        self._open: Counter[str] = Counter()

    @asynccontextmanager
    async def one(self, workspace_id: str) -> AsyncIterator[None]:
        """Hold one of the workspace's places, or raise ``TooManyUploads`` or ``StorageFull``."""
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

    async def receive(self, request: Request, path: Path) -> tuple[FileForm, str]:
        """Write the form's file to the path; return the form and the digest of the file.

        Raises ``BodyTooLarge`` as soon as that is known, ``InvalidRequest`` or ``UploadTooSlow``.
        """
        headers = headers_of(request.scope)
        body_bytes_max = FILE_BYTES_MAX + _FORM_BYTES_MAX
        length = headers.get(b"content-length")
        # A body that admits to be too large is refused unread; one that lies is counted below.
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
            async for chunk in self._chunks(request.receive):
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

    async def _chunks(self, receive: Receive) -> AsyncIterator[bytes]:
        """Yield the body as it comes; a sender that is too slow is given up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._total_s_max
        more = True
        while more:
            try:
                async with asyncio.timeout_at(min(deadline, loop.time() + self._idle_s_max)):
                    message = await receive()
            except TimeoutError as exc:
                raise UploadTooSlow(self._idle_s_max, self._total_s_max) from exc
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            yield message.get("body", b"")
