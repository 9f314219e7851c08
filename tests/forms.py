"""Forms (``multipart/form-data``) as servers that nobody here wrote read them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import BodyPartReader, MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol

_T = TypeVar("_T")
_BUFFER_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field of a form; a file has a name of its own and a media type."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


def read_form(content_type: str, body: bytes) -> list[Part]:
    """Return a form's parts as aiohttp reads them, which refuses more than other servers do.

    Raises ``ValueError`` for a form that aiohttp refuses.
    """
    return _result_of(_read(content_type, body))


async def _read(content_type: str, body: bytes) -> list[Part]:
    loop = asyncio.get_running_loop() if asyncio._get_running_loop() else asyncio.new_event_loop()
    try:
        stream = StreamReader(BaseProtocol(loop), _BUFFER_BYTES, loop=loop)
        stream.feed_data(body)
        stream.feed_eof()
        parts = []
        async for part in MultipartReader({"Content-Type": content_type}, stream):
            assert isinstance(part, BodyPartReader)
            assert part.name is not None
            parts.append(
                Part(
                    name=part.name,
                    content=bytes(await part.read(decode=True)),
                    filename=part.filename,
                    media_type=part.headers.get("Content-Type"),
                )
            )
        return parts
    finally:
        if not loop.is_running():
            loop.close()


def _result_of(reading: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine that waits for nothing, because all its bytes are there."""
    try:
        reading.send(None)
    except StopIteration as exc:
        result: _T = exc.value
        return result
    reading.close()
    raise ValueError("the form ends before its last boundary")
