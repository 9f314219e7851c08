"""Finding jobs: a bounded look back, and a place to go on from.

A status, a type and a time are found by index. The prompt's text is looked for in the newest jobs
one by one, and further back in the index of prompts, a window at a time. What no index leads to
(the very model, a text of two characters, jobs that the index has not come to) is looked for in at
most so many jobs. The page then says how far it has looked and offers to look further. So a page
costs the same with a million jobs behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.clock import Clock
from ringback.ids import uuid7_floor, uuid7_ms
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.prompts import GRAM, holds, prompt_of
from ringback.jobs.queue import JobFilter, Looked, PromptSearch
from ringback.service import Service

LOOKED_AT_MAX = 5_000
"""How many jobs are looked at one by one for a page."""

LOOKING_S_MAX = 2.0  # a busy machine's; the work itself is bounded by the windows
_AT_ONCE = 250
_ONE_BY_ONE = 500  # what many have is among the newest, and these may not be in the index yet
_WINDOW = 4_000  # jobs; doubled while nothing is found, so that one step never takes long
_WINDOW_MAX = 64_000


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs: all of its members must hold; None or empty holds for every job."""

    text: str = ""
    kind: str = ""
    model: str = ""
    type: str = ""  # the model's, which has an index
    status: JobStatus | None = None
    since_ms: int | None = None
    before_ms: int | None = None

    def holds_for(self, job: Job) -> bool:
        """Say whether a job is wanted."""
        if self.model and (job.model, job.kind) != (self.model, self.kind):
            return False
        if self.status and job.status is not self.status:
            return False
        if self.type and job.type != self.type:
            return False
        return not self.text or holds(prompt_of(job.input), self.text)


class Found(Struct, frozen=True, kw_only=True):
    """A page of jobs, and before which job the next begins; None: there are no more."""

    jobs: tuple[Job, ...]
    before_id: str | None
    looked_back_to_ms: int | None = None  # it was looked no further than that


async def find(
    service: Service,
    clock: Clock,
    wanted: Wanted,
    *,
    workspace_id: str,
    before_id: str | None,
    limit: int,
) -> Found:
    """Return the next jobs that are wanted, newest first, having looked a bounded way back."""
    deadline = clock.monotonic() + LOOKING_S_MAX
    place = _earlier(before_id, wanted.before_ms)
    first_id = uuid7_floor(wanted.since_ms) if wanted.since_ms is not None else ""
    looking = _Looking(service, wanted, workspace_id=workspace_id, limit=limit)
    found: list[Job] = []
    while True:
        jobs, place = await looking.before(place)
        for job in jobs:
            if job.job_id < first_id:
                return Found(jobs=tuple(found), before_id=None)
            if wanted.holds_for(job):
                if len(found) == limit:
                    return Found(jobs=tuple(found), before_id=found[-1].job_id)
                found.append(job)
        if place is None or place <= first_id:
            return Found(jobs=tuple(found), before_id=None)
        if looking.looked_at >= LOOKED_AT_MAX or clock.monotonic() >= deadline:
            at_ms = uuid7_ms(place)
            return Found(jobs=tuple(found), before_id=place, looked_back_to_ms=at_ms)


class _Looking:
    """Brings a workspace's jobs, newest first, by whatever leads to the wanted ones."""

    def __init__(self, service: Service, wanted: Wanted, *, workspace_id: str, limit: int) -> None:
        self._service = service
        self._wanted = wanted
        self._workspace_id = workspace_id
        self._step = _AT_ONCE if wanted.text or wanted.model else limit + 1
        self._window = _WINDOW
        self.looked_at = 0

    async def before(self, place: str | None) -> tuple[Sequence[Job], str | None]:
        """Return the next jobs, and before which to go on; None: there are no more."""
        if len(self._wanted.text) >= GRAM and self.looked_at >= _ONE_BY_ONE:
            looked = await self._by_index(place)
            if looked is not None:
                return looked.jobs, looked.before_id
        wanted = self._wanted
        jobs = await self._service.list_jobs(
            JobFilter(
                workspace_id=self._workspace_id,
                limit=self._step,
                before_id=place,
                types=(wanted.type,) if wanted.type else (),
                status=wanted.status,
            )
        )
        self.looked_at += len(jobs)
        return jobs, jobs[-1].job_id if len(jobs) == self._step else None

    async def _by_index(self, place: str | None) -> Looked | None:
        search = PromptSearch(
            workspace_id=self._workspace_id,
            text=self._wanted.text,
            before_id=place,
            window=self._window,
            limit=_AT_ONCE,
        )
        self._window = min(self._window * 2, _WINDOW_MAX)
        return await self._service.search_prompts(search)


def _earlier(before_id: str | None, before_ms: int | None) -> str | None:
    if before_ms is None:
        return before_id
    floor = uuid7_floor(max(0, before_ms))
    return floor if before_id is None else min(before_id, floor)
