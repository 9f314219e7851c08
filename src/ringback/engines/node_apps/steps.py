"""The port through which a run of a node app reads its graph and starts its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ringback.jobs.model import Job
from ringback.node_apps.graph import Graph, ModelStep


class Steps(Protocol):
    """The steps of runs; every method may be called again and has no further effect."""

    async def graph_of(self, run_id: str) -> Graph:
        """Return the graph of the run, or raise ``EngineError``."""

    async def jobs_of(self, run_id: str) -> dict[str, Job]:
        """Return the jobs of the steps that have been started, by step name."""

    async def asset_url(self, run_id: str, asset_id: str) -> str:
        """Return the URL of an asset of the run's workspace, or raise ``EngineError``."""

    async def begin(self, run_id: str, step: ModelStep, values: Mapping[str, Any]) -> Job | None:
        """Start a step as a job unless it has one; return None while there is no room.

        Raises ``EngineError`` for values that its model refuses, and ``RunOver``.
        """

    async def wait(self, jobs: Sequence[Job]) -> None:
        """Return when one of these jobs has ended, or after a short time."""
