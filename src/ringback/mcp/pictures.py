"""Results as a model is shown them: small pictures as they are, large ones smaller, else links."""

from __future__ import annotations

import asyncio
import mimetypes
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from urllib.parse import urlsplit

from ringback.client.aio.jobs import AsyncJobs
from ringback.client.errors import ClientError
from ringback.mcp.outcome import Link, Picture

SHOWN_MAX = 4
SHOWN_BYTES_MAX = 600_000  # of all that one answer shows: hosts refuse answers of megabytes
FETCHED_BYTES_MAX = 32 << 20
_AS_THEY_ARE = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_SHRINKING_S = 30.0


class Results:
    """Brings results, within what an answer may hold."""

    def __init__(self, jobs: AsyncJobs, turns: asyncio.Semaphore) -> None:
        self._jobs = jobs
        self._turns = turns  # at scaling down, which takes a process

    async def shown(self, urls: Sequence[str]) -> tuple[Picture | Link, ...]:
        """Return the results, each as a picture where it is one and there is room, or as a link.

        What was scaled down is linked too.
        """
        found: list[Picture | Link] = []
        pictures = [url for url in urls if _kind_of(url).startswith("image/")][:SHOWN_MAX]
        room = SHOWN_BYTES_MAX // max(1, len(pictures))
        for number, url in enumerate(urls, 1):
            picture, is_whole = None, False
            if url in pictures:
                picture, is_whole = await self._picture(url, room)
            if picture is not None:
                found.append(picture)
            if not is_whole:
                found.append(Link(url=url, name=f"result {number}", media_type=_kind_of(url)))
        return tuple(found)

    async def _picture(self, url: str, bytes_max: int) -> tuple[Picture | None, bool]:
        try:
            content, media_type = await self._jobs.content(url, bytes_max=FETCHED_BYTES_MAX)
        except ClientError:
            return None, False  # its link will do
        if media_type not in _AS_THEY_ARE:
            return None, False
        if len(content) <= bytes_max:
            return Picture(content=content, media_type=media_type), True
        smaller = await self._shrunk(content, bytes_max)
        if smaller is None:
            return None, False
        return Picture(content=smaller, media_type="image/jpeg"), False

    async def _shrunk(self, content: bytes, bytes_max: int) -> bytes | None:
        """Return a picture as a small JPEG, made in a process of its own that may take little."""
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ringback.mcp.shrinking", str(bytes_max)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
            )
            try:
                async with asyncio.timeout(_SHRINKING_S):
                    made, _ = await process.communicate(content)
            except TimeoutError:
                return None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return made if process.returncode == 0 and made else None


def _kind_of(url: str) -> str:
    return mimetypes.guess_type(urlsplit(url).path)[0] or "application/octet-stream"
