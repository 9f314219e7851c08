"""An engine that does what a test says, and a world that keeps what an engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from anyio import to_thread

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.errors import EngineError, FetchError

EngineScript = Callable[[EngineRequest, EngineIO], Awaitable[Made]]


def _taken(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


class ScriptedEngine:
    """Runs what the test says, and remembers how its runs ended."""

    name = "null"

    def __init__(self, script: EngineScript) -> None:
        self._script = script
        self.runs: list[str] = []  # "finished", "cancelled" or "raised", in order
        self.started = asyncio.Event()

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Do what the script does."""
        self.started.set()
        ended = "raised"
        try:
            made = await self._script(request, io)
            ended = "finished"
        except asyncio.CancelledError:
            ended = "cancelled"
            raise
        finally:
            self.runs.append(ended)
        return made

    async def close(self) -> None:
        """Nothing is held."""


async def never_ends(request: EngineRequest, io: EngineIO) -> Made:
    """Work until the run is cancelled: a script for ``ScriptedEngine``."""
    await asyncio.Event().wait()
    raise AssertionError


class RecordingIO:
    """The world of one run: keeps what its engine does to it, and has the inputs that a test gives.

    Files are named by their number, from 0, and their kind: ``0.png``, ``1.mp4``.
    """

    def __init__(
        self,
        inputs: Mapping[str, bytes] | None = None,
        *,
        styles: Mapping[str, bytes] | None = None,
    ) -> None:
        self.inputs = dict(inputs or {})
        self.styles = dict(styles or {})  # what was learned of them, by their ids
        self.saved: dict[str, bytes] = {}
        self.previews: list[str] = []
        self.fractions: list[float] = []
        self.memos: list[str] = []
        self.on_preview: Callable[[], None] = lambda: None
        self.over = False

    async def progress(self, fraction: float) -> None:
        """Keep the fraction."""
        self.fractions.append(fraction)

    async def preview(self, artifact: str) -> None:
        """Keep the name, and tell the test."""
        self.previews.append(artifact)
        self.on_preview()

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep the bytes; a file is moved, as its engine has nothing more to do with it."""
        name = f"{len(self.saved)}.{media_type.partition('/')[2]}"
        if isinstance(content, Path):
            content = await to_thread.run_sync(_taken, content)
        self.saved[name] = content
        return name

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Keep the bytes."""
        return await self.save(content, media_type=media_type)

    async def remember(self, memo: str) -> None:
        """Keep the memo; a test hands the last one to the next run."""
        self.memos.append(memo)

    async def style(self, name: str) -> bytes:
        """Return what the test says was learned of the style, or raise ``EngineError``."""
        if name not in self.styles:
            raise EngineError("A style that was asked for is gone.")
        return self.styles[name]

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the input that the test gave, or raise ``FetchError``."""
        if url not in self.inputs:
            raise FetchError("connect", "secret detail about the network")
        if len(self.inputs[url]) > bytes_max:
            raise FetchError("too_large", f"more than {bytes_max} bytes")
        return self.inputs[url]

    def is_over(self) -> bool:
        """Say what the test says."""
        return self.over
