"""The engine interface: ``run`` turns a request into files and honours cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ringback.styles.model import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """One job as its engine sees it; ``input`` has been validated and has its defaults."""

    job_id: str
    workspace_id: str
    kind: str
    model: str
    input: Mapping[str, Any]
    lab: str | None = None  # the faults of its submission; always None outside the lab
    resume_state: str | None = None  # saved by an earlier run of the same job
    base_url: str = ""  # the beginning of this server's own file URLs


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The result of a run: saved files in their order, links, a trained style, outputs."""

    artifacts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()  # results kept by the provider; listed after the artifacts
    trained: Trained | None = None  # of a training: the style; it gets the job's id
    style_id: str | None = None  # of a training whose style the provider keeps
    outputs: Mapping[str, Any] | None = None  # of a node app, by output name
    notes: tuple[
        str, ...
    ] = ()  # sentences about its files: missing, of an unknown type, by whose voice


class EngineIO(Protocol):
    """The only side effects that an engine has while it runs one job."""

    async def progress(self, fraction: float) -> None:
        """Report the fraction done, from 0 to 1; the user never sees it decrease."""

    async def preview(self, artifact: str) -> None:
        """Show a saved artifact as the job's result so far."""

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Store a file durably and return its artifact name; a path is moved, not copied."""

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Store a file that many jobs share, for good; equal bytes have one name."""

    async def remember(self, resume_state: str) -> None:
        """Save durably the text that a later run of this job gets as ``resume_state``.

        A provider's request id is saved here before the first poll: a rerun must not pay twice."""

    async def style(self, name: str) -> bytes:
        """Return the trained data of a style, or raise ``EngineError`` if it was deleted."""

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the bytes behind an input URL (http, https or data), or raise ``FetchError``."""

    async def download(self, url: str, path: Path, *, bytes_max: int) -> int:
        """Write the bytes behind an input URL to a path and return their number.

        Little of them is in memory. Raises ``FetchError``.
        """

    def waiting(self) -> AbstractContextManager[None]:
        """Stop the job's time limit inside, while it waits for a slot that other jobs hold."""

    def is_over(self) -> bool:
        """Return whether the job has ended or run out of time, so that its result is not needed.

        A run cancelled before that is released, and a later run continues it.
        """


class Engine(Protocol):
    """Runs the jobs of one engine.

    ``run`` is cancelled (``asyncio.CancelledError``) when the job is cancelled or out of time and
    must then stop within half a second. It raises ``EngineError`` when the result cannot be made,
    and ``EngineProcessDied`` when its subprocess died: the job is run again, and fails after
    three such deaths."""

    name: str

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Run one job and return its result."""

    async def close(self) -> None:
        """Release processes and connections; called once, after the last run."""
