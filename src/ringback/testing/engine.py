"""An engine that runs a test's function, and an ``EngineIO`` that records an engine's calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from anyio import to_thread

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.errors import EngineError, FetchError

EngineScript = Callable[[EngineRequest, EngineIO], Awaitable[Made]]


def _read_and_delete(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


class ScriptedEngine:
    """An engine that runs the test's function and records how each run ended."""

    name = "null"

    def __init__(self, script: EngineScript) -> None:
        self._script = script
        self.runs: list[str] = []  # "finished", "cancelled" or "raised", in order
        self.started = asyncio.Event()

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Run the script."""
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
        """Do nothing: this engine holds no resources."""


async def never_ends(request: EngineRequest, io: EngineIO) -> Made:
    """Wait until the run is cancelled: a script for ``ScriptedEngine``."""
    await asyncio.Event().wait()
    raise AssertionError


class RecordingIO:
    """An ``EngineIO`` that records the engine's calls and serves inputs from the test.

    Saved files are named by their number, from 0, and their type: ``0.png``, ``1.mp4``.
    """

    def __init__(
        self,
        inputs: Mapping[str, bytes] | None = None,
        *,
        styles: Mapping[str, bytes] | None = None,
    ) -> None:
        self.inputs = dict(inputs or {})
        self.styles = dict(styles or {})  # learned content by style id
        self.saved: dict[str, bytes] = {}
        self.previews: list[str] = []
        self.fractions: list[float] = []
        self.resume_states: list[str] = []
        self.waits = 0  # how often the engine entered ``waiting``
        self.on_preview: Callable[[], None] = lambda: None
        self.on_waiting: Callable[[], None] = lambda: None
        self.over = False

    async def progress(self, fraction: float) -> None:
        """Record the fraction."""
        self.fractions.append(fraction)

    async def preview(self, artifact: str) -> None:
        """Record the name and call ``on_preview``."""
        self.previews.append(artifact)
        self.on_preview()

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Record the bytes; a file is deleted after reading, as the real ``save`` moves it."""
        name = f"{len(self.saved)}.{media_type.partition('/')[2]}"
        if isinstance(content, Path):
            content = await to_thread.run_sync(_read_and_delete, content)
        self.saved[name] = content
        return name

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Record the bytes."""
        return await self.save(content, media_type=media_type)

    async def remember(self, resume_state: str) -> None:
        """Record the state; a test passes the last one to the next run."""
        self.resume_states.append(resume_state)

    async def style(self, name: str) -> bytes:
        """Return the style's learned content, or raise ``EngineError``."""
        if name not in self.styles:
            raise EngineError("The requested style does not exist any more.")
        return self.styles[name]

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the test's input for a URL, or raise ``FetchError``."""
        if url not in self.inputs:
            raise FetchError("connect", "secret detail about the network")
        if len(self.inputs[url]) > bytes_max:
            raise FetchError("too_large", f"more than {bytes_max} bytes")
        return self.inputs[url]

    async def download(self, url: str, path: Path, *, bytes_max: int) -> int:
        """Write the test's input for a URL to the path, or raise ``FetchError``."""
        content = await self.fetch(url, bytes_max=bytes_max)
        await asyncio.to_thread(path.write_bytes, content)
        return len(content)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the wait and call ``on_waiting``."""
        self.waits += 1
        self.on_waiting()
        yield

    def is_over(self) -> bool:
        """Return ``over``, which the test sets."""
        return self.over
