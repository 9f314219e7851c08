"""The null engine completes every job at once with one fixed, tiny picture.

Benchmarks, crash tests and applications under development use it.
"""

from __future__ import annotations

import asyncio
import struct
import zlib

from ringback.engines.contract import EngineIO, EngineRequest, Made


class NullEngine:
    """Completes every job at once; all jobs share one artifact."""

    name = "null"

    def __init__(self) -> None:
        self._artifact: str | None = None
        self._saving = asyncio.Lock()

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Return the shared artifact."""
        if self._artifact is None:
            async with self._saving:
                if self._artifact is None:
                    self._artifact = await io.share(_one_pixel(), media_type="image/png")
        return Made(artifacts=(self._artifact,))

    async def close(self) -> None:
        """Do nothing: the engine holds no resources."""


def _one_pixel() -> bytes:
    """Return a PNG of one grey pixel whose metadata names the engine."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"tEXt", b"engine\0null"),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
