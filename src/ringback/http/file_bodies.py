"""Bodies that may carry files: JSON and forms with data URIs in them.

A body that is no larger than a document is read into memory, as any other. A larger one counts as
an upload: it waits in a file until it is whole, however slowly it comes, and few of all of them
are in memory at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.concurrency.fair_limiter import FairLimiter
from ringback.errors import BodyTooLarge
from ringback.http.bodies import check_coding, check_type, object_of
from ringback.http.headers import RequestHeaders
from ringback.http.uploads import Uploads
from ringback.service.media_inputs import INLINE_LENGTH_MAX

# Reading one takes some four times its size for a moment.
_READ_AT_ONCE = 1
_READ_RESERVE = 1  # for a workspace that reads none
_BACKSLASH = 0x5C


class FileBodies:
    """Reads bodies with files in them; one for all faces of a server."""

    def __init__(self, uploads: Uploads, *, document_bytes_max: int, bytes_max: int) -> None:
        self._uploads = uploads
        self._document_bytes_max = document_bytes_max
        self.bytes_max = max(bytes_max, document_bytes_max)
        self._reading = FairLimiter(_READ_AT_ONCE, reserve=_READ_RESERVE)

    @asynccontextmanager
    async def object(
        self,
        headers: RequestHeaders,
        receive: Receive,
        *,
        workspace_id: str,
        like: str,
        required: bool = True,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the body's JSON object; it may be large, and should not be kept.

        Raises ``UnsupportedMediaType``, ``BodyTooLarge``, ``InvalidRequest`` or
        ``TooManyUploads``. A body that is not required may be missing.
        """
        if required:
            check_type(headers.get(b"content-type"))
        async with self.content(headers, receive, workspace_id=workspace_id) as parts:
            (body,) = parts
            parts.clear()
            if not body and not required:
                yield {}
                return
            check_type(headers.get(b"content-type"))
            document = self.document_in(body, like=like)
            del body
            yield document

    def document_in(self, body: bytes, *, like: str) -> dict[str, Any]:
        """Return the JSON object of a whole body, or raise as ``object`` does."""
        if len(body) > self._document_bytes_max:
            check_document(body, self._document_bytes_max)
        return object_of(body, like)

    @asynccontextmanager
    async def content(
        self,
        headers: RequestHeaders,
        receive: Receive,
        *,
        workspace_id: str,
        at_once: FairLimiter | None = None,
    ) -> AsyncIterator[list[bytes]]:
        """Yield a list of the whole body; its reader empties it, so that the bytes can go.

        ``at_once`` limits large bodies in place of the limit of all others: a reader that keeps
        the context long needs one of its own.
        """
        check_coding(headers)
        length = headers.get(b"content-length")
        # A wrong length is found while reading; this refuses the body unread.
        if length is not None and length.isdigit() and int(length[:20]) > self.bytes_max:
            raise self._too_large()
        begin: list[bytes] = []
        received, more = 0, True
        while more and received <= self._document_bytes_max:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            begin.append(message.get("body", b""))
            received += len(begin[-1])
        if received <= self._document_bytes_max:
            yield [b"".join(begin)]
            return
        async with self._uploads.slot(workspace_id):
            with self._uploads.file() as path:
                await self._write(path, begin, receive if more else None)
                async with (at_once or self._reading).slot(workspace_id):
                    yield [await asyncio.to_thread(path.read_bytes)]

    async def _write(self, path: Path, begin: list[bytes], rest: Receive | None) -> None:
        received = sum(map(len, begin))
        with path.open("wb") as file:
            await self._flush(file, begin, received)
            if rest is None:
                return
            waiting = 0
            async for chunk in self._uploads.chunks(rest):
                begin.append(chunk)
                received += len(chunk)
                waiting += len(chunk)
                if waiting > self._document_bytes_max:
                    await self._flush(file, begin, received)
                    waiting = 0
            await self._flush(file, begin, received)

    async def _flush(self, file: BinaryIO, chunks: list[bytes], received: int) -> None:
        if received > self.bytes_max:
            raise self._too_large()
        await asyncio.to_thread(file.writelines, chunks[:])
        chunks.clear()

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(self.bytes_max, setting="file_body_bytes_max")


def check_document(body: bytes, bytes_max: int) -> None:
    """Raise ``BodyTooLarge`` for JSON that is larger without its long strings.

    It is asked before the JSON is decoded: millions of small values take many times their size.
    """
    counted = position = 0
    while counted <= bytes_max:
        begin = body.find(b'"', position)
        if begin < 0:
            counted += len(body) - position
            break
        counted += begin - position
        end, escapes = _end_of_string(body, begin, bytes_max - counted)
        length = end - begin
        counted += length if length <= INLINE_LENGTH_MAX else escapes
        position = end
    if counted > bytes_max:
        raise BodyTooLarge(bytes_max, setting="body_bytes_max")


def _end_of_string(body: bytes, begin: int, quotes_max: int) -> tuple[int, int]:
    """Return the position after a string, and how many escaped quotes it has."""
    quotes, position = 0, begin + 1
    while quotes <= quotes_max:
        end = body.find(b'"', position)
        if end < 0:
            return len(body), quotes
        text = body[position:end] if body[end - 1] == _BACKSLASH else b""
        if (len(text) - len(text.rstrip(b"\\"))) % 2 == 0:
            return end + 1, quotes
        quotes += 1
        position = end + 1
    return position, quotes
