"""Job cards: the gallery's view of each job, and the stream of cards that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Literal

from msgspec import Struct

from ringback.dashboard.live_updates import LivePages, Snapshot
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.results import Result, results_of
from ringback.errors import JobNotFound
from ringback.http.event_streams import frame
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.prompts import prompt_of
from ringback.jobs.store import JobFilter
from ringback.service import JobService

_NEWEST = 30
_HELD_MAX = 50
_RECENT_MAX = 200
_FRESH_MS = 10_000  # a job that ended so lately may have ended while the page was loading
_HELD = (
    JobStatus.SCHEDULED,
    JobStatus.PROCESSING,
    JobStatus.SAMPLING,
    JobStatus.INTERMEDIATE_COMPLETE,
)


Tile = Literal[
    "picture", "film", "sound", "file", "style", "text", "empty", "failed", "cancelled", "pending"
]
_RANKS = {"picture": 0, "film": 0, "sound": 1, "file": 2}  # the first of the lowest is shown


class JobCard(Struct, frozen=True, kw_only=True):
    """One job in a gallery."""

    job: Job
    prompt: str
    shown: Result | None  # the one result that a card shows
    tile: Tile  # the kind of the picture, or of the mark without one
    length_s: float | None  # of a clip or a sound, as the job asked for it
    version: str  # differs when the card looks different


def card_of(job: Job) -> JobCard:
    """Return the card of a job."""
    results = sorted(results_of(job), key=lambda one: _RANKS[one.kind])
    shown = results[0] if results else None
    urls = (job.result.urls if job.result else None) or ()
    return JobCard(
        job=job,
        prompt=prompt_of(job.input) or _name_of(job.input),
        shown=shown,
        tile=_tile(job, shown),
        length_s=_length_s(job, shown),
        version=f"{job.status}.{round(job.progress * 100)}.{len(urls)}",
    )


def _tile(job: Job, shown: Result | None) -> Tile:
    """Return the kind of a card; a failed or cancelled job has its mark, and no preview."""
    if job.status is JobStatus.FAILED:
        return "failed"
    if job.status is JobStatus.CANCELLED:
        return "cancelled"
    if shown is not None:
        return shown.kind
    if not job.status.is_terminal:
        return "pending"
    if job.result and job.result.style_id:
        return "style"
    return "text" if job.result and job.result.outputs else "empty"


def _name_of(inputs: dict[str, Any]) -> str:
    """Return the name in the input of a training, which has no prompt."""
    name = inputs.get("name")
    return name if isinstance(name, str) else ""


def _length_s(job: Job, shown: Result | None) -> float | None:
    if shown is None or shown.kind not in ("film", "sound"):
        return None
    for name, per_second in (("duration", 1), ("music_length_ms", 1000)):
        length = job.input.get(name)
        if isinstance(length, int | float) and not isinstance(length, bool):
            return length / per_second if 0 < length < 86_400 * per_second else None
    return None


class JobCards:
    """Queries a workspace's newest jobs, and those that run."""

    def __init__(self, service: JobService, workspace_id: str) -> None:
        self._service = service
        self._workspace_id = workspace_id
        self._recent: dict[str, Job] = {}

    async def __call__(self) -> Snapshot:
        """Return the cards of jobs that were new or running lately."""
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
        cards = {job_id: card_of(job) for job_id, job in self._recent.items()}
        return Snapshot(frozenset((name, card.version) for name, card in cards.items()), cards)

    async def _list(self, limit: int, status: JobStatus | None = None) -> list[Job]:
        job_filter = JobFilter(workspace_id=self._workspace_id, limit=limit, status=status)
        return await self._service.list_jobs(job_filter)


async def card_frames(
    live: LivePages, service: JobService, request: PageRequest
) -> AsyncIterator[bytes]:
    """Yield events with the cards that change, for one page; empty after a while without one."""
    workspace_id = request.workspace_id
    sent: dict[str, str] | None = None
    query = JobCards(service, workspace_id)
    async for snapshot in live.follow(("jobs", workspace_id), query):
        if snapshot is None:
            yield b""
            continue
        cards: dict[str, JobCard] = snapshot.value
        if sent is None:
            sent = {
                name: card.version for name, card in cards.items() if not _is_fresh(card, request)
            }
        changed = [card for name, card in cards.items() if sent.get(name) != card.version]
        sent |= {card.job.job_id: card.version for card in changed}
        if changed:
            yield frame("cards", {"items": [_document(card, request) for card in changed]})
        else:
            yield b""


def _is_fresh(card: JobCard, request: PageRequest) -> bool:
    ended_at_ms = card.job.completed_at_ms
    return ended_at_ms is None or request.now_ms - ended_at_ms < _FRESH_MS


def _document(card: JobCard, request: PageRequest) -> dict[str, Any]:
    return {
        "id": card.job.job_id,
        "version": card.version,
        "html": request.part("_job_card.html", card=card),
    }
