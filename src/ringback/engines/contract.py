"""What an engine is: inputs in; progress, previews and result files out; cancellation honoured."""

from __future__ import annotations

from collections.abc import Mapping
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
    lab: str | None = None  # faults that its submission asked for, in dev alone
    memo: str | None = None  # what an earlier run of the same job wrote down, if one did
    base_url: str = ""  # what the URLs of this server's own files begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an engine made of a job: files that it saved, in their order, and what else there is."""

    artifacts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()  # results that stay elsewhere; they come after the artifacts
    trained: Trained | None = None  # of a training: a style to keep, which gets the job's id
    style_id: str | None = None  # of a training whose style stays elsewhere
    outputs: Mapping[str, Any] | None = None  # of a node app, by the names that it gives them


class EngineIO(Protocol):
    """What an engine may do to the world while it runs one job."""

    async def progress(self, fraction: float) -> None:
        """Report how much is done, from 0 to 1; never goes backwards for the user."""

    async def preview(self, artifact: str) -> None:
        """Show a saved artifact as the job's result so far."""

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file durably and return its artifact name; a path is moved, not copied."""

    async def share(self, content: bytes, *, media_type: str) -> str:
        """Keep a file that any number of jobs may name, for good; the same bytes have one name."""

    async def remember(self, memo: str) -> None:
        """Write down durably what a later run of this job must know, should this one be cut off.

        It is for whoever pays: the provider's request id, before anything is waited for.
        """

    async def style(self, name: str) -> bytes:
        """Return what this engine learned of a style, or raise ``EngineError`` if it is gone."""

    async def fetch(self, url: str, *, bytes_max: int) -> bytes:
        """Return the bytes behind an input URL (http, https or data), or raise ``FetchError``."""

    def is_over(self) -> bool:
        """Say whether the job has ended or run out of time, so that nobody waits for it any more.

        A run that is stopped and not over is given back, and a later one goes on with it.
        """


class Engine(Protocol):
    """Makes the artifacts of a job.

    ``run`` is cancelled (``asyncio.CancelledError``) when the job is cancelled or out of time and
    must then stop within half a second. It raises ``EngineError`` when the result cannot be made.
    """

    name: str

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Make the result."""

    async def close(self) -> None:
        """Let go of processes and connections; called once, after the last run."""
