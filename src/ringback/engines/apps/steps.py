"""What a run needs of the server: its graph, and its steps as jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ringback.apps.graph import Graph, ModelStep
from ringback.jobs.model import Job


class Steps(Protocol):
    """The steps of runs; whatever is asked twice is done once."""

    async def graph_of(self, run_id: str) -> Graph:
        """Return what the run is to do, or raise ``EngineError``."""

    async def jobs_of(self, run_id: str) -> dict[str, Job]:
        """Return the steps that are jobs by now, by their names."""

    async def asset_url(self, run_id: str, asset_id: str) -> str:
        """Return where an asset of the run's workspace is, or raise ``EngineError``."""

    async def begin(self, run_id: str, step: ModelStep, values: Mapping[str, Any]) -> Job | None:
        """Make a step a job, if it is none yet; None while there is no room for it.

        Raises ``EngineError`` for values that its model does not take, and ``RunOver``.
        """

    async def wait(self, jobs: Sequence[Job]) -> None:
        """Return when one of these has ended, or after a moment."""
