"""Jobs as tiles: what a gallery shows of each, and how it is kept up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from msgspec import Struct

from ringback.api.streams import frame
from ringback.dashboard.live import Seen, Watches
from ringback.dashboard.results import Result, results_of
from ringback.dashboard.visit import Visit
from ringback.errors import JobNotFound
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.prompts import prompt_of
from ringback.jobs.queue import JobFilter
from ringback.service import Service

_NEWEST = 30
_HELD_MAX = 50
_RECENT_MAX = 200
_FRESH_MS = 10_000  # what ended so lately may have ended while the page was on its way
_HELD = (
    JobStatus.SCHEDULED,
    JobStatus.PROCESSING,
    JobStatus.SAMPLING,
    JobStatus.INTERMEDIATE_COMPLETE,
)


class Tile(Struct, frozen=True, kw_only=True):
    """One job in a gallery."""

    job: Job
    prompt: str
    shown: Result | None  # what a tile has room for
    version: str  # another one: the tile shows something else


def tile_of(job: Job) -> Tile:
    """Return the tile of a job."""
    results = results_of(job)
    shown = [one for one in results if one.path and one.kind in ("picture", "film")]
    urls = (job.result.urls if job.result else None) or ()
    return Tile(
        job=job,
        prompt=prompt_of(job.input),
        shown=shown[0] if shown else None,
        version=f"{job.status}.{round(job.progress * 100)}.{len(urls)}",
    )


class JobsLook:
    """Looks at a workspace's newest jobs, and at those that move."""

    def __init__(self, service: Service, workspace_id: str) -> None:
        self._service = service
        self._workspace_id = workspace_id
        self._recent: dict[str, Job] = {}

    async def __call__(self) -> Seen:
        """Return the jobs that were new or moving of late."""
        found = {job.job_id: job for job in await self._list(limit=_NEWEST)}
        pending = {name for name, job in self._recent.items() if not job.status.is_terminal}
        if pending or any(not job.status.is_terminal for job in found.values()):
            for status in _HELD:
                found |= {job.job_id: job for job in await self._list(_HELD_MAX, status)}
        for job_id in pending - found.keys():
            with suppress(JobNotFound):
                found[job_id] = await self._service.get(job_id, workspace_id=self._workspace_id)
        for job_id, job in sorted(found.items()):
            self._recent.pop(job_id, None)
            self._recent[job_id] = job
        for job_id in list(self._recent)[:-_RECENT_MAX]:
            del self._recent[job_id]
        tiles = {job_id: tile_of(job) for job_id, job in self._recent.items()}
        return Seen(frozenset((name, tile.version) for name, tile in tiles.items()), tiles)

    async def _list(self, limit: int, status: JobStatus | None = None) -> list[Job]:
        wanted = JobFilter(workspace_id=self._workspace_id, limit=limit, status=status)
        return await self._service.list_jobs(wanted)


async def tile_frames(watches: Watches, service: Service, visit: Visit) -> AsyncIterator[bytes]:
    """Yield the tiles that change, as a stream for one page; empty when none did for a while."""
    workspace_id = visit.workspace_id
    told: dict[str, str] | None = None
    look = JobsLook(service, workspace_id)
    async for seen in watches.follow(("jobs", workspace_id), look):
        if seen is None:
            yield b""
            continue
        tiles: dict[str, Tile] = seen.value
        if told is None:
            told = {
                name: tile.version for name, tile in tiles.items() if not _is_fresh(tile, visit)
            }
        changed = [tile for name, tile in tiles.items() if told.get(name) != tile.version]
        told |= {tile.job.job_id: tile.version for tile in changed}
        if changed:
            yield frame("tiles", {"items": [_document(tile, visit) for tile in changed]})
        else:
            yield b""


def _is_fresh(tile: Tile, visit: Visit) -> bool:
    ended_at_ms = tile.job.completed_at_ms
    return ended_at_ms is None or visit.now_ms - ended_at_ms < _FRESH_MS


def _document(tile: Tile, visit: Visit) -> dict[str, Any]:
    return {
        "id": tile.job.job_id,
        "version": tile.version,
        "html": visit.part("_tile.html", tile=tile),
    }
