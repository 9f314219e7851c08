"""Search for jobs: each page reads a bounded number of jobs and returns a cursor for the next.

An index finds a status, a type and a time. The text of the prompt is compared in the newest jobs
one by one, and further back found by the index of prompts, a window at a time. Without an index
(one exact model, a text of two characters, jobs that are not indexed yet) a page examines a
bounded number of jobs, shows how far back it has searched, and offers to search further. So a page
costs the same with a million jobs behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.clock import Clock
from ringback.ids import uuid7_floor, uuid7_ms
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.prompts import GRAM, holds, prompt_of
from ringback.jobs.store import JobFilter, PromptSearch
from ringback.service import JobService

EXAMINED_MAX = 5_000
"""Jobs that a page examines one by one."""

SEARCH_S_MAX = 2.0  # for a busy machine; the windows bound the work itself
_BATCH = 250
_EXAMINED_FIRST = 500  # a frequent text is in the newest jobs, which may not be indexed yet
_WINDOW = 4_000  # jobs; doubled while nothing is found, so that one step never takes long
_WINDOW_MAX = 64_000


class JobSearch(Struct, frozen=True, kw_only=True):
    """The conditions of a search, all of which must hold; None or empty holds for every job."""

    text: str = ""
    kind: str = ""
    model: str = ""
    type: str = ""  # the model's, which has an index
    status: JobStatus | None = None
    since_ms: int | None = None
    before_ms: int | None = None

    def matches(self, job: Job) -> bool:
        """Say whether every condition holds for a job; times are checked by the job's id."""
        if self.model and (job.model, job.kind) != (self.model, self.kind):
            return False
        if self.status and job.status is not self.status:
            return False
        if self.type and job.type != self.type:
            return False
        return not self.text or holds(prompt_of(job.input), self.text)


class SearchPage(Struct, frozen=True, kw_only=True):
    """A page of jobs, and the job before which the next page begins; None: this is the last."""

    jobs: tuple[Job, ...]
    before_id: str | None
    searched_back_to_ms: int | None = None  # set where the page reached its bound


async def find(
    service: JobService,
    clock: Clock,
    search: JobSearch,
    *,
    workspace_id: str,
    before_id: str | None,
    limit: int,
) -> SearchPage:
    """Return the next jobs that match, newest first, after a bounded amount of work."""
    deadline = clock.monotonic() + SEARCH_S_MAX
    cursor = _earlier(before_id, search.before_ms)
    first_id = uuid7_floor(search.since_ms) if search.since_ms is not None else ""
    candidates = _Candidates(service, search, workspace_id=workspace_id, limit=limit)
    found: list[Job] = []
    while True:
        jobs, cursor = await candidates.before(cursor)
        for job in jobs:
            if job.job_id < first_id:
                return SearchPage(jobs=tuple(found), before_id=None)
            if search.matches(job):
                if len(found) == limit:
                    return SearchPage(jobs=tuple(found), before_id=found[-1].job_id)
                found.append(job)
        if cursor is None or cursor <= first_id:
            return SearchPage(jobs=tuple(found), before_id=None)
        if candidates.examined >= EXAMINED_MAX or clock.monotonic() >= deadline:
            at_ms = uuid7_ms(cursor)
            return SearchPage(jobs=tuple(found), before_id=cursor, searched_back_to_ms=at_ms)


class _Candidates:
    """Reads a workspace's jobs, newest first, by an index where one helps."""

    def __init__(
        self, service: JobService, search: JobSearch, *, workspace_id: str, limit: int
    ) -> None:
        self._service = service
        self._search = search
        self._workspace_id = workspace_id
        self._batch = _BATCH if search.text or search.model else limit + 1
        self._window = _WINDOW
        self.examined = 0

    async def before(self, cursor: str | None) -> tuple[Sequence[Job], str | None]:
        """Return the next jobs and the cursor after them; None: there are no more."""
        search = self._search
        if len(search.text) >= GRAM and self.examined >= _EXAMINED_FIRST:
            found = await self._service.search_prompts(self._prompt_search(cursor))
            if found is not None:
                return found.jobs, found.before_id
        jobs = await self._service.list_jobs(
            JobFilter(
                workspace_id=self._workspace_id,
                limit=self._batch,
                before_id=cursor,
                types=(search.type,) if search.type else (),
                status=search.status,
            )
        )
        self.examined += len(jobs)
        return jobs, jobs[-1].job_id if len(jobs) == self._batch else None

    def _prompt_search(self, cursor: str | None) -> PromptSearch:
        window, self._window = self._window, min(self._window * 2, _WINDOW_MAX)
        return PromptSearch(
            workspace_id=self._workspace_id,
            text=self._search.text,
            before_id=cursor,
            window=window,
            limit=_BATCH,
        )


def _earlier(before_id: str | None, before_ms: int | None) -> str | None:
    if before_ms is None:
        return before_id
    floor = uuid7_floor(max(0, before_ms))
    return floor if before_id is None else min(before_id, floor)
