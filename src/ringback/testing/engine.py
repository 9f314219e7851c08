"""An engine that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ringback.engines.contract import EngineIO, EngineRequest

EngineScript = Callable[[EngineRequest, EngineIO], Awaitable[tuple[str, ...]]]


class ScriptedEngine:
    """Runs what the test says, and remembers how its runs ended."""

    name = "null"

    def __init__(self, script: EngineScript) -> None:
        self._script = script
        self.runs: list[str] = []  # "finished", "cancelled" or "raised", in order
        self.started = asyncio.Event()

    async def run(self, request: EngineRequest, io: EngineIO) -> tuple[str, ...]:
        """Do what the script does."""
        self.started.set()
        ended = "raised"
        try:
            names = await self._script(request, io)
            ended = "finished"
        except asyncio.CancelledError:
            ended = "cancelled"
            raise
        finally:
            self.runs.append(ended)
        return names

    async def close(self) -> None:
        """Nothing is held."""


async def never_ends(request: EngineRequest, io: EngineIO) -> tuple[str, ...]:
    """Work until the run is cancelled: a script for ``ScriptedEngine``."""
    await asyncio.Event().wait()
    raise AssertionError
